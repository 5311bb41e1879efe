//! Images, built by cargo.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the images are built for.
pub const TARGET: &str = "thumbv7m-none-eabi";

/// The folder of the firmware.
fn folder() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// An image that is to be built.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    /// The name of the program.
    pub name: &'a str,
    /// Features besides those on by default.
    pub features: &'a str,
    /// Whether those are on.
    pub has_defaults: bool,
    /// Environment of the build, for instance `CORACLE_ADDRESS`.
    pub environment: &'a [(&'a str, &'a str)],
}

impl Image<'static> {
    /// The server with nothing but the defaults.
    pub const NEUTRAL: Self =
        Self { name: "coracle-firmware", features: "", has_defaults: true, environment: &[] };
}

impl Image<'_> {
    /// Build it in release, in a folder for this combination of features, and say where it is.
    ///
    /// # Errors
    ///
    /// If cargo is missing, or fails: with what it said.
    pub fn build(&self, target: &Path) -> io::Result<PathBuf> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(folder()).args(["build", "--release", "--quiet", "--locked"]);
        command.args(["--bin", self.name, "--features", self.features, "--target-dir"]).arg(target);
        if !self.has_defaults {
            command.arg("--no-default-features");
        }
        // What a cargo that runs us says of its own build is not for this one.
        for name in ["CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().copied());
        let output = command.output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(format!("{} was not built:\n{said}", self.name)));
        }
        Ok(target.join(TARGET).join("release").join(self.name))
    }
}
