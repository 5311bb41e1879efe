//! Whether every public type of a package has `defmt::Format`: the compiler checks those of a
//! list, the sources tell whether the list is complete.

use std::fs;
use std::path::Path;

/// Nothing but a promise to the compiler.
pub fn has<T: defmt::Format>() {}

/// Check these types, and that there are no others in the folder `src` of the package at `$root`
/// besides those in modules of the host.
macro_rules! check {
    ($root:expr, host: $host:expr, $($type:ty),+ $(,)?) => {{
        $(formats::has::<$type>();)+
        formats::check_list($root, $host, &[$(stringify!($type)),+]);
    }};
}
pub(crate) use check;

/// Compare the sources, without the modules `host`, with the list.
///
/// # Panics
///
/// If they name different types.
pub fn check_list(root: &str, host: &[&str], listed: &[&str]) {
    let mut listed: Vec<_> = listed.iter().map(|path| last_name(path).to_owned()).collect();
    let mut declared = Vec::new();
    collect(&Path::new(root).join("src"), host, &mut declared);
    listed.sort();
    declared.sort();
    assert_eq!(listed, declared, "left: listed here, right: public in the sources");
}

/// `Client` of `client::Client<Buffer, 640, 4>`.
fn last_name(path: &str) -> &str {
    let path = path.split('<').next().unwrap_or(path).trim();
    path.rsplit("::").next().unwrap_or(path).trim()
}

/// The names of all public structs and enums in the files of a folder, without the modules `skip`
/// that lie in it.
fn collect(folder: &Path, skip: &[&str], names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the sources lie beside the manifest") {
        let path = entry.unwrap().path();
        let module = path.file_stem().and_then(|stem| stem.to_str());
        if module.is_some_and(|module| skip.contains(&module)) {
            continue;
        }
        if path.is_dir() {
            collect(&path, &[], names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(declared(&fs::read_to_string(path).unwrap()));
        }
    }
}

fn declared(source: &str) -> impl Iterator<Item = String> + '_ {
    let lines = source.lines().map(str::trim_start);
    let names = lines.filter_map(|line| {
        line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))
    });
    let is_word = |letter: &char| letter.is_alphanumeric() || *letter == '_';
    names.map(move |rest| rest.chars().take_while(is_word).collect())
}
