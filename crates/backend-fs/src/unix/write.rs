//! `write`: the whole content of a file.

use backend_core::{Error, Result, WriteMode, WriteRequest, Written};

use super::fault::Fault;
use super::names;
use super::open::check_file;
use super::replace::check_write_access;
use super::resolve::{Found, MissingParents};
use super::root::Root;
use super::temp::Target;

impl Root {
    pub(crate) fn write(&self, request: &WriteRequest) -> Result<Written> {
        let path = &request.path;
        self.check_writable(path)?;
        names::check(path)?;
        if path.is_root() {
            return Err(Error::is_a_directory(path));
        }
        self.retry_races(path, || match request.mode {
            WriteMode::CreateNew => self.create_new(request),
            _ => self.overwrite(request),
        })
    }

    /// Writes a file that must not exist. A link at the path counts as existing, wherever it leads.
    fn create_new(&self, request: &WriteRequest) -> Result<Written, Fault> {
        let WriteRequest { path, content, .. } = request;
        let mut place = self.place(path, MissingParents::Create)?;
        let _held = place.lock()?;
        if place.lstat()?.is_some() {
            return Err(Error::already_exists(path).into());
        }
        let version = self.replace(path, &place, None, content, Target::CreateNew, None)?;
        place.keep_dirs();
        Ok(Written::new(version, true, content.len() as u64))
    }

    fn overwrite(&self, request: &WriteRequest) -> Result<Written, Fault> {
        let WriteRequest { path, content, .. } = request;
        let only = match request.mode {
            WriteMode::IfVersion(version) => Some(version),
            _ => None,
        };
        let found = match only {
            None => self.follow(path, MissingParents::Create),
            Some(_) => self.follow(path, MissingParents::Refuse),
        };
        let mut place = match found {
            Ok(Found { place, .. }) => place,
            // A file that must have a version does not exist if its directory does not.
            Err(error) if only.is_some() && error.kind() == std::io::ErrorKind::NotFound => {
                return Err(changed(path, None).into());
            }
            Err(error) => return Err(error.into()),
        };
        let _held = place.lock()?;
        let there = place.lstat()?;
        if let Some(meta) = &there {
            if meta.is_link() {
                return Err(Fault::raced(rustix::io::Errno::LOOP));
            }
            check_file(path, meta)?;
        }
        let current = there.map(|meta| meta.version());
        if only.is_some() && current != only {
            return Err(changed(path, current).into());
        }
        if let Some(meta) = &there {
            check_write_access(path, &place, meta)?;
        }
        let target = match there {
            Some(_) => Target::Replace,
            None => Target::New,
        };
        let version = self.replace(path, &place, there.as_ref(), content, target, only)?;
        place.keep_dirs();
        Ok(Written::new(version, there.is_none(), content.len() as u64))
    }
}

/// Creates the error of a file whose version differs from the expected one.
pub(crate) fn changed(
    path: &backend_core::VirtualPath,
    current: Option<backend_core::Version>,
) -> Error {
    let reason = match current {
        Some(_) => "the file changed since it was read",
        None => "the file does not exist",
    };
    Error::conflict(path, reason, current)
}
