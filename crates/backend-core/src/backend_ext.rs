//! The short forms of every operation on files.

use std::future::Future;

use bytes::Bytes;

use crate::{
    Backend, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry, ErrorKind, GlobRequest,
    GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page, ReadBytesRequest,
    ReadRequest, RenameRequest, Renamed, Result, StatRequest, TextPage, VirtualPath, WriteRequest,
    Written,
};

/// Anything that names a path: a [`VirtualPath`], a reference to one, or a text that is parsed on use.
pub trait IntoPath {
    /// Returns the path. A text without a leading `/` starts at `directory`.
    ///
    /// # Errors
    ///
    /// Returns `invalid_path` for an invalid path.
    fn into_path_from(self, directory: &VirtualPath) -> Result<VirtualPath>;

    /// Returns the path. A text without a leading `/` starts at the root.
    ///
    /// # Errors
    ///
    /// Returns `invalid_path` for an invalid path.
    fn into_path(self) -> Result<VirtualPath>
    where
        Self: Sized,
    {
        self.into_path_from(&VirtualPath::root())
    }
}

impl IntoPath for VirtualPath {
    fn into_path_from(self, _directory: &VirtualPath) -> Result<VirtualPath> {
        Ok(self)
    }
}

impl IntoPath for &VirtualPath {
    fn into_path_from(self, _directory: &VirtualPath) -> Result<VirtualPath> {
        Ok(self.clone())
    }
}

impl IntoPath for &str {
    fn into_path_from(self, directory: &VirtualPath) -> Result<VirtualPath> {
        Ok(directory.resolve(self)?)
    }
}

impl IntoPath for &String {
    fn into_path_from(self, directory: &VirtualPath) -> Result<VirtualPath> {
        self.as_str().into_path_from(directory)
    }
}

impl IntoPath for String {
    fn into_path_from(self, directory: &VirtualPath) -> Result<VirtualPath> {
        self.as_str().into_path_from(directory)
    }
}

/// Convenience methods for [`Backend`], using each request's defaults.
///
/// They are implemented for every backend. A text without a leading `/` is relative to the backend's
/// [`work_dir`](Backend::work_dir): `/workspace` in a container, and usually the root. For options, build a request and
/// call the method of [`Backend`] with the same name and the suffix `_with`.
///
/// # Examples
///
/// ```
/// use backend_core::{Backend, BackendExt, Result};
///
/// async fn rename_function(workspace: &dyn Backend) -> Result<()> {
///     for file in workspace.glob("**/*.py").await? {
///         println!("{}", workspace.read(&file.path).await?);
///     }
///     workspace.edit("/src/app.py", "def main(", "def run(").await?;
///     Ok(())
/// }
/// ```
pub trait BackendExt: Backend {
    /// Returns the entry at `path`.
    ///
    /// # Errors
    ///
    /// As [`Backend::stat_with`].
    fn stat(&self, path: impl IntoPath) -> impl Future<Output = Result<Entry>> + Send {
        let request = path.into_path_from(&self.work_dir()).map(StatRequest::new);
        async move { self.stat_with(&request?).await }
    }

    /// Returns whether something is at `path`.
    ///
    /// # Errors
    ///
    /// As [`Backend::stat_with`], except that `not_found` and `not_a_directory` return `false`.
    fn exists(&self, path: impl IntoPath) -> impl Future<Output = Result<bool>> + Send {
        let request = path.into_path_from(&self.work_dir()).map(StatRequest::new);
        async move {
            match self.stat_with(&request?).await {
                Ok(_) => Ok(true),
                Err(error) => match error.kind() {
                    ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(false),
                    _ => Err(error),
                },
            }
        }
    }

    /// Returns the entries of the directory at `path`.
    ///
    /// # Errors
    ///
    /// As [`Backend::ls_with`].
    fn ls(&self, path: impl IntoPath) -> impl Future<Output = Result<Page<Entry>>> + Send {
        let request = path.into_path_from(&self.work_dir()).map(LsRequest::new);
        async move { self.ls_with(&request?).await }
    }

    /// Returns the first 2000 lines of the text file at `path`.
    ///
    /// # Errors
    ///
    /// As [`Backend::read_with`].
    fn read(&self, path: impl IntoPath) -> impl Future<Output = Result<TextPage>> + Send {
        let request = path.into_path_from(&self.work_dir()).map(ReadRequest::new);
        async move { self.read_with(&request?).await }
    }

    /// Returns `limit` lines of the text file at `path`, after skipping the first `offset` lines.
    ///
    /// # Errors
    ///
    /// As [`Backend::read_with`].
    fn read_lines(
        &self,
        path: impl IntoPath,
        offset: u64,
        limit: usize,
    ) -> impl Future<Output = Result<TextPage>> + Send {
        let request = path
            .into_path_from(&self.work_dir())
            .map(|path| ReadRequest::new(path).offset(offset).limit(limit));
        async move { self.read_with(&request?).await }
    }

    /// Returns the bytes of the file at `path`, up to 256 MiB.
    ///
    /// # Errors
    ///
    /// As [`Backend::read_bytes_with`].
    fn read_bytes(&self, path: impl IntoPath) -> impl Future<Output = Result<Bytes>> + Send {
        let request = path
            .into_path_from(&self.work_dir())
            .map(ReadBytesRequest::new);
        async move {
            let Content { bytes, .. } = self.read_bytes_with(&request?).await?;
            Ok(bytes)
        }
    }

    /// Writes the file at `path` from a copy of `content`. To pass [`Bytes`] without a copy, use [`Backend::write_with`].
    ///
    /// # Errors
    ///
    /// As [`Backend::write_with`].
    fn write(
        &self,
        path: impl IntoPath,
        content: impl AsRef<[u8]>,
    ) -> impl Future<Output = Result<Written>> + Send {
        let content = Bytes::copy_from_slice(content.as_ref());
        let request = path
            .into_path_from(&self.work_dir())
            .map(|path| WriteRequest::new(path, content));
        async move { self.write_with(&request?).await }
    }

    /// Replaces the only match of `old` in the text file at `path` with `new`.
    ///
    /// # Errors
    ///
    /// As [`Backend::edit_with`].
    fn edit(
        &self,
        path: impl IntoPath,
        old: impl Into<String>,
        new: impl Into<String>,
    ) -> impl Future<Output = Result<Edited>> + Send {
        let (old, new) = (old.into(), new.into());
        let request = path
            .into_path_from(&self.work_dir())
            .map(|path| EditRequest::new(path, old, new));
        async move { self.edit_with(&request?).await }
    }

    /// Removes the file, link or empty directory at `path`.
    ///
    /// # Errors
    ///
    /// As [`Backend::delete_with`].
    fn delete(&self, path: impl IntoPath) -> impl Future<Output = Result<Deleted>> + Send {
        let request = path
            .into_path_from(&self.work_dir())
            .map(DeleteRequest::new);
        async move { self.delete_with(&request?).await }
    }

    /// Moves the entry at `from` to `to`; fails if the target exists.
    ///
    /// # Errors
    ///
    /// As [`Backend::rename_with`].
    fn rename(
        &self,
        from: impl IntoPath,
        to: impl IntoPath,
    ) -> impl Future<Output = Result<Renamed>> + Send {
        let here = self.work_dir();
        let request = from
            .into_path_from(&here)
            .and_then(|from| Ok(RenameRequest::new(from, to.into_path_from(&here)?)));
        async move { self.rename_with(&request?).await }
    }

    /// Creates a directory at `path`, and its parents.
    ///
    /// # Errors
    ///
    /// As [`Backend::mkdir_with`].
    fn mkdir(&self, path: impl IntoPath) -> impl Future<Output = Result<MadeDirectory>> + Send {
        let request = path.into_path_from(&self.work_dir()).map(MkdirRequest::new);
        async move { self.mkdir_with(&request?).await }
    }

    /// Returns the first 1000 files in or below the work directory whose path relative to it matches `pattern`.
    ///
    /// # Errors
    ///
    /// As [`Backend::glob_with`].
    fn glob(&self, pattern: impl Into<String>) -> impl Future<Output = Result<Page<Entry>>> + Send {
        let request = GlobRequest::new(pattern).path(self.work_dir());
        async move { self.glob_with(&request).await }
    }

    /// Returns the first 1000 matches of `pattern`, a regular expression, in files in or below the work directory.
    ///
    /// # Errors
    ///
    /// As [`Backend::grep_with`].
    fn grep(&self, pattern: impl Into<String>) -> impl Future<Output = Result<Grepped>> + Send {
        let request = GrepRequest::new(pattern).path(self.work_dir());
        async move { self.grep_with(&request).await }
    }
}

impl<B: Backend + ?Sized> BackendExt for B {}
