//! Building images.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

use crate::repository::Repository;

/// An image to be built.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// The folder of its workspace.
    pub folder: &'static str,
    /// The binary.
    pub bin: &'static str,
    /// Features, separated by commas.
    pub features: &'static str,
    /// The profile of cargo.
    pub profile: &'static str,
    /// Whether flags of the compiler from cargo's configuration count. The probes lie in the folder
    /// of the firmware, whose flags are not theirs.
    pub is_configured: bool,
}

impl Image {
    /// An image of the probes.
    pub const fn probe(bin: &'static str) -> Self {
        let folder = "firmware/probes";
        Self { folder, bin, features: "", profile: "release", is_configured: false }
    }

    /// The image of the firmware, with these features only.
    pub const fn firmware(features: &'static str) -> Self {
        let bin = "coracle-firmware";
        Self { folder: "firmware", bin, features, profile: "release", is_configured: true }
    }

    /// The same, built for size at any price.
    pub const fn small(self) -> Self {
        Self { profile: "small", ..self }
    }

    /// An image of the probes that runs in QEMU.
    pub const fn run(bin: &'static str) -> Self {
        Self { features: "qemu", ..Self::probe(bin) }
    }

    /// Build it and say where it is.
    ///
    /// # Errors
    ///
    /// What cargo says if it cannot be built.
    pub fn build(&self, repository: &Repository, target: &str) -> Result<PathBuf> {
        let output = self.try_build(repository, target)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{} cannot be built for {target}:\n{said}", self.bin);
        }
        let images = repository.path(self.folder).join("target").join(target);
        Ok(images.join(self.profile).join(self.bin))
    }

    /// Try to build it.
    ///
    /// # Errors
    ///
    /// If cargo cannot be run.
    pub fn try_build(&self, repository: &Repository, target: &str) -> Result<Output> {
        let folder = repository.path(self.folder);
        let flags = same_everywhere(repository)?;
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .current_dir(&folder)
            .args([
                "build",
                "--locked",
                "--color=never",
                "--profile",
                self.profile,
                "--target",
                target,
            ])
            .args(["--bin", self.bin, "--no-default-features", "--features", self.features])
            .env("CARGO_TARGET_DIR", folder.join("target"))
            .stdin(Stdio::null());
        // Without the flags of whoever runs this: they would be measured as well.
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        if self.is_configured {
            command.args(["--config", &format!("target.{target}.rustflags={flags:?}")]);
        } else {
            command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        }
        command.output().context("cargo")
    }
}

/// Flags of the compiler by which no path of this machine gets into an image.
fn same_everywhere(repository: &Repository) -> Result<[String; 2]> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let home = home.context("neither CARGO_HOME nor a home folder")?;
    let sources = repository.path("");
    let remap = |from: PathBuf, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    Ok([remap(home, "cargo"), remap(sources, "coracle")])
}
