//! What the linker is told, and the address that is chosen at build time.

use std::net::Ipv4Addr;
use std::{env, error, fs, path::PathBuf};

/// The address in the user network of QEMU, and its router.
const ADDRESS: &str = "10.0.2.15/24";
const ROUTER: &str = "10.0.2.2";

fn main() -> Result<(), Box<dyn error::Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::copy("memory.x", out.join("memory.x"))?;
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rerun-if-changed=memory.x");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    if env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    }
    fs::write(out.join("address.rs"), address()?)?;
    Ok(())
}

/// The static address as an expression of Rust, from `CORACLE_ADDRESS` (with the length of the
/// network's prefix) and `CORACLE_ROUTER` (which may be empty).
fn address() -> Result<String, Box<dyn error::Error>> {
    let of = |name: &str, default: &str| {
        println!("cargo:rerun-if-env-changed={name}");
        env::var(name).unwrap_or_else(|_| default.to_owned())
    };
    let cidr = of("CORACLE_ADDRESS", ADDRESS);
    let wrong = || format!("CORACLE_ADDRESS: {cidr:?} is not like {ADDRESS}");
    let (address, prefix) = cidr.split_once('/').ok_or_else(wrong)?;
    let address: Ipv4Addr = address.parse().map_err(|_| wrong())?;
    let prefix: u8 = prefix.parse().ok().filter(|&prefix| prefix <= 32).ok_or_else(wrong)?;
    let router = match of("CORACLE_ROUTER", ROUTER).as_str() {
        "" => "None".to_owned(),
        router => {
            let wrong = |_| format!("CORACLE_ROUTER: {router:?} is not like {ROUTER}");
            format!("Some({})", octets(router.parse().map_err(wrong)?))
        }
    };
    Ok(format!("({}, {prefix}, {router})", octets(address)))
}

fn octets(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("::smoltcp::wire::Ipv4Address::new({a}, {b}, {c}, {d})")
}
