//! `mkdir`, and the directories that a write needs: component by component, on handles.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use backend_core::{Error, MadeDirectory, MkdirRequest, Result};
use rustix::fs::{AtFlags, Mode, mkdirat, unlinkat};
use rustix::io::Errno;

use super::created_dirs::{CreatedDirs, Creating, confirm_dir};
use super::fault::Fault;
use super::flush::Flush;
use super::meta::Meta;
use super::names;
use super::place::Handle;
use super::quota::explain_quota;
use super::resolve::MissingParents;
use super::retry::{open_in, retry};
use super::root::Root;
use super::sys::STEP;

/// A directory that exists now.
#[derive(Debug)]
pub(crate) struct EnsuredDir<'root> {
    pub(crate) dir: Handle<'root>,
    /// Whether it is new.
    pub(crate) created: bool,
    /// The created directories, including itself.
    pub(crate) all: CreatedDirs<'root>,
}

impl Root {
    pub(crate) fn mkdir(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        let path = &request.path;
        self.check_writable(path)?;
        names::check(path)?;
        self.retry_races(path, || {
            match self.open_dir(Path::new(path.relative())) {
                Ok(dir) => {
                    let id = Meta::of(&dir)?.id();
                    confirm_dir(id);
                    // It may have been removed just before, by the operation that created it.
                    return match self.open_dir(Path::new(path.relative())) {
                        Ok(again) if Meta::of(&again)?.id() == id => Ok(MadeDirectory::new(false)),
                        _ => Err(Fault::raced(Errno::NOENT)),
                    };
                }
                Err(error) if is_missing(&error) || is_no_directory(&error) => {}
                Err(error) => return Err(error.into()),
            }
            // Something that is not a directory may be at the path, or above it: the two are distinguished
            // here.
            let there = match self.place(path, MissingParents::Refuse) {
                Ok(place) => place.lstat()?,
                Err(error) if is_missing(&error) => None,
                Err(error) => return Err(error.into()),
            };
            match there {
                None => {}
                // It was created in between.
                Some(meta) if meta.is_dir() => return Err(Fault::raced(Errno::EXIST)),
                Some(_) => return Err(Error::already_exists(path).into()),
            }
            match self.make_dirs(Path::new(path.relative())) {
                // Another operation created it in between, and may remove it again.
                Ok(made) if !made.created => Err(Fault::raced(Errno::EXIST)),
                Ok(made) => {
                    made.all.keep();
                    Ok(MadeDirectory::new(true))
                }
                Err(error) => Err(Fault::from(error).race_if(&[Errno::NOENT, Errno::NOTDIR])),
            }
        })
    }

    /// Opens a directory, and creates it and its ancestors if missing. Created directories are removed
    /// again unless they are kept.
    pub(crate) fn make_dirs(&self, path: &Path) -> io::Result<EnsuredDir<'_>> {
        let mut there = path;
        let mut missing: Vec<OsString> = Vec::new();
        let mut dir = loop {
            match self.open_dir(there) {
                Ok(dir) => break dir,
                Err(error) if is_missing(&error) => {
                    // No name is left where the path goes up out of something that does not exist.
                    let (Some(name), Some(parent)) = (there.file_name(), there.parent()) else {
                        return Err(error);
                    };
                    missing.push(name.to_owned());
                    there = parent;
                }
                Err(error) => return Err(error),
            }
        };
        let mut all = CreatedDirs::default();
        let mut created = false;
        while let Some(name) = missing.pop() {
            let flush = Flush::if_full(self.durability(), &dir)?;
            let creating = Creating::begin();
            created = match retry(|| mkdirat(&dir, &name, Mode::from_raw_mode(0o777))) {
                Ok(()) => true,
                Err(Errno::EXIST) => false,
                Err(error) => return Err(explain_quota(error.into(), &dir)),
            };
            let below = match open_in(&dir, name.as_os_str(), STEP) {
                Ok(below) => below,
                // A dangling link, or an entry that was created meanwhile.
                Err(Errno::LOOP) => return Err(Errno::NOTDIR.into()),
                Err(error) => {
                    if created {
                        // Its creator cannot enter it, and it is empty.
                        let _ = unlinkat(&dir, &name, AtFlags::REMOVEDIR);
                    }
                    return Err(error.into());
                }
            };
            let parent = std::mem::replace(&mut dir, Handle::Below(below));
            if created {
                all.add(creating, parent, name, &dir)?;
                flush.wait()?;
            }
        }
        Ok(EnsuredDir { dir, created, all })
    }
}

fn is_missing(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::NOENT)
}

fn is_no_directory(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::NOTDIR)
}
