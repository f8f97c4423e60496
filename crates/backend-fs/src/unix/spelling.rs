//! How a name is spelled in its directory. Some file systems find an entry by other spellings too.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::Dir;

use super::descent::open_list;
use super::meta::Meta;
use super::place::{Place, lstat};

/// Whether a directory lists exactly this name, byte for byte.
pub(crate) fn is_listed(dir: impl AsFd, name: &OsStr) -> io::Result<bool> {
    let mut found = false;
    each_name(dir, |listed| found |= listed == name)?;
    Ok(found)
}

/// Whether two places are one entry of one directory, which is found by the new name because the file system
/// ignores case.
///
/// It is proven by the names: the directory lists the old one, does not list the new one, and has no other name
/// that differs from it only in case. So the entry that the new name leads to is the old one.
pub(crate) fn is_respelling(source: &Place<'_>, target: &Place<'_>) -> io::Result<bool> {
    let folded = fold(source.name());
    if source.name() == target.name()
        || folded != fold(target.name())
        || Meta::of(&source.dir)?.id() != Meta::of(&target.dir)?.id()
    {
        return Ok(false);
    }
    let (mut like_it, mut has_old) = (0, false);
    let listed = each_name(&target.dir, |listed| {
        like_it += usize::from(fold(listed) == folded);
        has_old |= listed == source.name();
    });
    // An unreadable directory proves nothing.
    if matches!(&listed, Err(error) if error.kind() == io::ErrorKind::PermissionDenied) {
        return Ok(false);
    }
    listed?;
    let (old, new) = (
        lstat(&target.dir, source.name())?,
        lstat(&target.dir, target.name())?,
    );
    let same = old.zip(new).is_some_and(|(old, new)| old.id() == new.id());
    Ok(same && like_it == 1 && has_old)
}

fn fold(name: &OsStr) -> Option<String> {
    Some(name.to_str()?.to_lowercase())
}

fn each_name(dir: impl AsFd, mut visit: impl FnMut(&OsStr)) -> io::Result<()> {
    let mut stream = Dir::new(open_list(dir, ".")?)?;
    while let Some(entry) = stream.read() {
        visit(OsStr::from_bytes(entry?.file_name().to_bytes()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs::{self, File};

    use super::is_listed;

    #[test]
    fn a_name_is_listed_as_it_is_spelled() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("Readme"), "").unwrap();
        let dir = File::open(root.path()).unwrap();
        for (name, is) in [("Readme", true), ("readme", false), ("Readm", false)] {
            assert_eq!(is_listed(&dir, OsStr::new(name)).unwrap(), is, "{name}");
        }
    }
}
