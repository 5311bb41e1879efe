//! Programs that are not part of the project: a test that needs one is skipped where it is
//! missing, and says so, unless `CORACLE_REQUIRE` lists it.

use std::process::Command;

/// Whether the tool is there.
///
/// # Panics
///
/// If it is missing although `CORACLE_REQUIRE` (names with commas between) says it must not be.
#[track_caller]
pub fn is_there(tool: &str) -> bool {
    is_there_for(tool, tool)
}

/// Whether a tool is there that is asked for by another name.
///
/// # Panics
///
/// As [`is_there`].
#[track_caller]
pub fn is_there_for(name: &str, tool: &str) -> bool {
    let found = Command::new("sh").args(["-c", "command -v \"$0\" > /dev/null", tool]).status();
    if found.unwrap().success() {
        return true;
    }
    let required = std::env::var("CORACLE_REQUIRE").unwrap_or_default();
    let is_required = required.split(',').any(|required| required == name);
    assert!(!is_required, "{tool} is missing, and CORACLE_REQUIRE asks for {name}");
    let package = package(tool);
    eprintln!(
        "SKIPPED: {tool} is missing: install it (on Debian: apt install {package}; \
         CORACLE_REQUIRE={name} makes that a failure)"
    );
    false
}

/// The package of Debian that a tool comes with.
fn package(tool: &str) -> &str {
    match tool {
        "fsck.fat" => "dosfstools",
        "mcopy" => "mtools",
        same => same,
    }
}
