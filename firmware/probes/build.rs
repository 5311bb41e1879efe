//! Images that run in QEMU are laid out by cortex-m-rt for its LM3S6965; those that are only
//! linked need no layout.

use std::{env, fs, path::PathBuf};

/// Flash and RAM of the LM3S6965.
const MEMORY: &str = "MEMORY
{
  FLASH : ORIGIN = 0x00000000, LENGTH = 256K
  RAM : ORIGIN = 0x20000000, LENGTH = 64K
}
";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Tells who calls whom.
    println!("cargo::rustc-link-arg-bin=executor=--emit-relocs");
    if env::var_os("CARGO_FEATURE_QEMU").is_none() {
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("memory.x"), MEMORY).expect("cargo's folder can be written to");
    println!("cargo::rustc-link-search={}", out.display());
    for image in ["instructions", "stack"] {
        println!("cargo::rustc-link-arg-bin={image}=-Tlink.x");
    }
}
