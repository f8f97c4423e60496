//! One end of a copy: a path of the workspace, or a path on this machine, opened as a directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use backend_core::{Error, VirtualPath};
use backend_fs::FsBackend;

use super::Files;
use crate::directory::is_directory;
use crate::failure::{Failure, Result};

/// One end of a copy.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) backend: Files,
    pub(crate) path: VirtualPath,
    /// The directory on this machine that `backend` shows; `None` for the workspace.
    directory: Option<PathBuf>,
    /// Its name in the directory that it is copied into; `None` for a root.
    name: Option<String>,
}

impl Place {
    /// A path of the workspace.
    pub(crate) fn in_workspace(backend: &Files, path: VirtualPath) -> Self {
        Self {
            backend: Arc::clone(backend),
            name: path.name().map(str::to_owned),
            path,
            directory: None,
        }
    }

    /// A path on this machine to copy from. Links on the way to it are followed, links in it are not.
    ///
    /// # Errors
    ///
    /// `Host` if it does not exist; `Opening` and `invalid_path` if it cannot be opened or named.
    pub(crate) fn source(path: &Path) -> Result<Self> {
        let failed = |error| Failure::Host(path.display().to_string(), error);
        let real = std::fs::canonicalize(path).map_err(failed)?;
        let name = real
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        if std::fs::metadata(&real).map_err(failed)?.is_dir() {
            let backend = open(FsBackend::builder(&real).read_only(), path)?;
            return Ok(Self {
                backend,
                path: VirtualPath::root(),
                directory: Some(real),
                name,
            });
        }
        let (directory, path) = split(&real)?;
        let backend = open(FsBackend::builder(&directory).read_only(), &real)?;
        Ok(Self {
            backend,
            path,
            directory: Some(directory),
            name,
        })
    }

    /// A path on this machine to copy to. Parent directories are created.
    ///
    /// # Errors
    ///
    /// As [`source`](Self::source).
    pub(crate) fn target(path: &Path) -> Result<Self> {
        let failed = |error| Failure::Host(path.display().to_string(), error);
        // An existing link is followed here, since the user named it; it is not followed later.
        let real = match std::fs::canonicalize(path) {
            Ok(real) => real,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(failed(error)),
        };
        if real.is_dir() {
            return Ok(Self {
                backend: open(FsBackend::builder(&real), path)?,
                path: VirtualPath::root(),
                directory: Some(real),
                name: None,
            });
        }
        let (directory, inner) = split(&real)?;
        Ok(Self {
            backend: open(FsBackend::builder(&directory).create_root(), path)?,
            path: inner,
            directory: Some(directory),
            name: None,
        })
    }

    /// Returns the place of a source with this target: inside it, if it is a directory.
    ///
    /// # Errors
    ///
    /// `invalid_path` for a name that is too long or invalid here; those of a `stat`.
    pub(crate) async fn for_source(&self, source: &Self, exact: bool) -> Result<Self> {
        let mut place = self.clone();
        if !exact
            && let Some(name) = &source.name
            && is_directory(&self.backend, &self.path).await?
        {
            place.path = self.path.child(name)?;
        }
        Ok(place)
    }

    /// Returns whether this is a directory now.
    pub(crate) async fn is_directory(&self) -> Result<bool> {
        is_directory(&self.backend, &self.path).await
    }

    /// Returns whether two places are in one directory, or both in the workspace.
    pub(crate) fn are_one(a: &Self, b: &Self) -> bool {
        a.directory == b.directory
    }

    /// Returns a path of the backend as the person knows it.
    pub(crate) fn show(&self, path: &VirtualPath) -> String {
        match &self.directory {
            None => path.to_string(),
            Some(directory) if path.is_root() => directory.display().to_string(),
            Some(directory) => directory.join(path.relative()).display().to_string(),
        }
    }
}

fn open(builder: backend_fs::FsBackendBuilder, shown: &Path) -> Result<Files> {
    let opened = builder.build();
    let failed = |error| Failure::Opening(shown.display().to_string(), error);
    Ok(Arc::new(opened.map_err(failed)?))
}

/// Splits a path into its directory and its name.
fn split(path: &Path) -> Result<(PathBuf, VirtualPath)> {
    let refuse = |message: &str| {
        let message = format!("{}: {message}", path.display());
        Err(Failure::from(Error::invalid_request(message)))
    };
    let Some(name) = path.file_name() else {
        return refuse("it has no name");
    };
    let Some(name) = name.to_str() else {
        return refuse("its name is not UTF-8");
    };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok((directory.to_owned(), VirtualPath::root().child(name)?))
}
