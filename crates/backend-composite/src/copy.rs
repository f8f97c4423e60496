//! Moves between two backends: copy everything, then delete the source.
//!
//! Nothing is touched before it is known that everything can be copied. Copies are undone if one fails, and neither
//! the undoing nor the deletion of the source removes anything that was changed meanwhile.

use backend_core::{
    Backend, DEFAULT_READ_BYTES, DeleteRequest, Entry, EntryKind, Error, ErrorKind, LsRequest,
    MkdirRequest, ReadBytesRequest, RenameMode, RenameRequest, Renamed, Result, StatRequest,
    Version, VirtualPath, WriteMode, WriteRequest,
};

use crate::CompositeBackend;
use crate::routes::Mount;

/// An entry that was created or is to be deleted: a directory, or a file with its version.
#[derive(Debug)]
struct Item {
    path: VirtualPath,
    version: Option<Version>,
}

/// An entry of the source, and its target.
#[derive(Debug)]
struct Step {
    entry: Entry,
    to: VirtualPath,
}

impl<D: Backend + ?Sized> CompositeBackend<D> {
    pub(crate) async fn rename_across(&self, request: &RenameRequest) -> Result<Renamed> {
        let (from, to) = (&request.from, &request.to);
        let entry = self.stat_with(&StatRequest::new(from)).await?;
        self.check_target(request, &entry).await?;
        for (path, end) in [(from, "source"), (to, "target")] {
            if self.is_read_only(self.routes.owner(path)) {
                let reason = format!("the backend of the {end} is read-only");
                return Err(Error::permission_denied(path, reason));
            }
        }
        match entry.kind {
            EntryKind::File => self.move_file(request, &entry).await,
            EntryKind::Directory => self.move_directory(entry, to).await,
            _ => Err(cannot_copy_links()),
        }
    }

    fn is_read_only(&self, mount: Option<&Mount>) -> bool {
        self.backend_of(mount).capabilities().read_only
    }

    async fn check_target(&self, request: &RenameRequest, source: &Entry) -> Result<()> {
        let to = &request.to;
        let target = match self.stat_with(&StatRequest::new(to)).await {
            Ok(target) => target,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        match (request.mode, target.kind) {
            (RenameMode::CreateNew, _) => Err(Error::already_exists(to)),
            _ if source.is_directory() => Err(Error::already_exists(to)),
            (_, EntryKind::Directory) => Err(Error::is_a_directory(to)),
            (_, EntryKind::File) => Ok(()),
            // A write would follow the link instead of replacing it.
            _ => Err(Error::unsupported(
                "replacing a link by a move between two backends",
            )),
        }
    }

    async fn move_file(&self, request: &RenameRequest, entry: &Entry) -> Result<Renamed> {
        check_size(entry)?;
        let from = &request.from;
        let content = self.read_bytes_with(&ReadBytesRequest::new(from)).await?;
        let mode = match request.mode {
            RenameMode::Overwrite => WriteMode::Overwrite,
            _ => WriteMode::CreateNew,
        };
        let write = WriteRequest::new(&request.to, content.bytes).mode(mode);
        let written = self.write_with(&write).await?;
        let source = Item {
            path: from.clone(),
            version: Some(content.version),
        };
        if let Err(error) = self.delete_item(&source).await {
            // A replaced file cannot be restored, and this may even be the same file by another path.
            if written.created {
                let copy = Item {
                    path: request.to.clone(),
                    version: Some(written.version),
                };
                self.undo(&[copy]).await;
            }
            return Err(error);
        }
        Ok(Renamed::copied(Some(written.version)))
    }

    async fn move_directory(&self, source: Entry, to: &VirtualPath) -> Result<Renamed> {
        let from = source.path.clone();
        let steps = self.plan(source, to).await?;
        let mut copied = Vec::with_capacity(steps.len());
        let mut left = Vec::with_capacity(steps.len());
        for step in steps {
            match self.copy(&step).await {
                Ok((copy, original)) => {
                    copied.push(copy);
                    left.push(original);
                }
                Err(error) => {
                    self.undo(&copied).await;
                    return Err(error);
                }
            }
        }
        let mut deleted = 0;
        for item in left.iter().rev() {
            match self.delete_item(item).await {
                Ok(()) => deleted += 1,
                Err(error) if deleted == 0 => {
                    self.undo(&copied).await;
                    return Err(error);
                }
                Err(error) => {
                    let reason = format!(
                        "everything was copied to the target, but not all of this could be deleted \
                         ({})",
                        error.kind()
                    );
                    return Err(Error::conflict(&from, reason, None));
                }
            }
        }
        Ok(Renamed::copied(None))
    }

    /// Returns all entries of a directory, itself first and each directory before its content.
    ///
    /// # Errors
    ///
    /// `unsupported` and `too_large` for entries that cannot be copied; `invalid_path` for entries whose path at
    /// the target would be invalid.
    async fn plan(&self, source: Entry, to: &VirtualPath) -> Result<Vec<Step>> {
        let from = source.path.clone();
        let mut steps = Vec::new();
        let mut pending = vec![source];
        while let Some(entry) = pending.pop() {
            match entry.kind {
                EntryKind::File => check_size(&entry)?,
                EntryKind::Directory => {
                    let list = LsRequest::new(&entry.path).limit(usize::MAX);
                    let page = self.ls_with(&list).await?;
                    if !page.is_whole() || !page.skipped.is_empty() {
                        return Err(Error::unsupported(
                            "moving a directory to another backend when not all of its entries \
                             can be listed",
                        ));
                    }
                    pending.extend(page.items);
                }
                _ => return Err(cannot_copy_links()),
            }
            let below = entry.path.strip_prefix(&from).unwrap_or_default();
            steps.push(Step {
                to: below.rebase(to)?,
                entry,
            });
        }
        Ok(steps)
    }

    /// Copies one entry, and returns the copy and its original.
    async fn copy(&self, step: &Step) -> Result<(Item, Item)> {
        let (made, of) = if step.entry.is_directory() {
            let made = self.mkdir_with(&MkdirRequest::new(&step.to)).await?;
            if !made.created {
                return Err(Error::already_exists(&step.to));
            }
            (None, None)
        } else {
            let read = ReadBytesRequest::new(&step.entry.path);
            let content = self.read_bytes_with(&read).await?;
            let write = WriteRequest::new(&step.to, content.bytes).mode(WriteMode::CreateNew);
            let written = self.write_with(&write).await?;
            (Some(written.version), Some(content.version))
        };
        let item = |path: &VirtualPath, version| Item {
            path: path.clone(),
            version,
        };
        Ok((item(&step.to, made), item(&step.entry.path, of)))
    }

    /// Removes the copies, the last first, unless they were changed meanwhile.
    async fn undo(&self, made: &[Item]) {
        for item in made.iter().rev() {
            // Errors are dropped: the caller gets the error that caused the undo.
            let _ = self.delete_item(item).await;
        }
    }

    async fn delete_item(&self, item: &Item) -> Result<()> {
        let mut request = DeleteRequest::new(&item.path);
        request.expected = item.version;
        self.delete_with(&request).await.map(drop)
    }
}

fn check_size(entry: &Entry) -> Result<()> {
    if entry.size > DEFAULT_READ_BYTES {
        return Err(Error::TooLarge {
            path: entry.path.clone(),
            size: entry.size,
            limit: DEFAULT_READ_BYTES,
        });
    }
    Ok(())
}

fn cannot_copy_links() -> Error {
    Error::unsupported("moving links and special files to another backend")
}
