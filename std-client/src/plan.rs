//! Which files go where, as the arguments say.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::folder::Folder;
use crate::remote::Remote;
use crate::source::Source;

/// Where a download goes.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    File(PathBuf),
    Output,
}

/// Which files are fetched to where: the local names follow from what the user asked for.
pub(crate) fn downloads(
    folder: &Folder,
    names: &[OsString],
    output: Option<&Path>,
) -> Result<Vec<(Remote, Target)>, Failure> {
    let (names, output) = match (names, output) {
        ([name, local], None) => (core::slice::from_ref(name), Some(Path::new(local))),
        other => other,
    };
    let remotes: Vec<_> = names.iter().map(|name| folder.name(name)).collect::<Result<_, _>>()?;
    let is_output = output == Some(Path::new("-"));
    let target = match output {
        None => Some(Path::new("")),
        Some(path) if is_folder(path) => Some(path),
        Some(_) if remotes.len() > 1 => {
            let text = "several files need a folder: -o FOLDER/ (it must exist)";
            return Err(Failure::Usage(text.to_owned()));
        }
        Some(_) => None,
    };
    let plan = remotes.into_iter().map(|remote| {
        let name = remote.local_name()?;
        let target = match (target, output) {
            (_, Some(_)) if is_output => Target::Output,
            (Some(folder), _) => Target::File(folder.join(name)),
            (None, Some(path)) => Target::File(path.to_owned()),
            (None, None) => Target::File(name.into()),
        };
        Ok((remote, target))
    });
    plan.collect()
}

fn is_folder(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.is_dir()
}

/// Which files are sent to where.
pub(crate) fn uploads(
    folder: &Folder,
    names: &[OsString],
) -> Result<Vec<(Source, Remote)>, Failure> {
    let (locals, last) = match names {
        [local] => (core::slice::from_ref(local), None),
        [local, name] => (core::slice::from_ref(local), Some(name.as_os_str())),
        [locals @ .., name] => (locals, Some(name.as_os_str())),
        [] => return Err(Failure::Usage("name a local file".to_owned())),
    };
    let ends_as_folder = last.is_none_or(|name| name.as_encoded_bytes().ends_with(b"/"));
    if let Some(last) = last.map(Path::new).filter(|_| locals.len() > 1 && !ends_as_folder)
        && last.exists()
    {
        return Err(Failure::Usage(format!(
            "{} is a local file; name the folder on the server last, with / at its end",
            last.display()
        )));
    }
    let remote = last.map_or_else(|| Ok(folder.path()), |name| folder.name(name))?;
    let is_folder = ends_as_folder || locals.len() > 1;
    let plan = locals.iter().map(|local| {
        let is_input = local == "-";
        if is_input && (is_folder || locals.len() > 1) {
            return Err(Failure::Usage("standard input needs a name: upload - NAME".to_owned()));
        }
        let source = if is_input { Source::Input } else { Source::File(local.into()) };
        if !is_folder {
            return Ok((source, remote.clone()));
        }
        let name = Path::new(local)
            .file_name()
            .ok_or_else(|| Failure::Usage(format!("{} has no name", Path::new(local).display())))?;
        Ok((source, remote.entry(name)?))
    });
    plan.collect()
}
