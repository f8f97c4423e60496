//! A directory of a backend as a backend of its own.

use std::sync::Arc;

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry, Error,
    GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page,
    ReadBytesRequest, ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result,
    StatRequest, TextPage, VirtualPath, WriteRequest, Written,
};

/// Shows a directory of a backend as the root, so that the suites can run where a root is not empty: inside a
/// composite's mount, or next to other files.
///
/// It is a tool for tests. Rules of ignore files above the directory apply inside it.
#[derive(Clone, Debug)]
pub struct Below {
    backend: Arc<dyn Backend>,
    base: VirtualPath,
}

impl Below {
    /// Shows the directory `base` of `backend`. It should exist.
    pub fn new(backend: impl Backend, base: VirtualPath) -> Self {
        Self {
            backend: Arc::new(backend),
            base,
        }
    }

    fn inner(&self, path: &VirtualPath) -> Result<VirtualPath> {
        Ok(path.rebase(&self.base)?)
    }

    fn outer(&self, path: &VirtualPath) -> VirtualPath {
        path.strip_prefix(&self.base)
            .unwrap_or_else(|| path.clone())
    }

    fn all_inner(&self, paths: &[VirtualPath]) -> Result<Vec<VirtualPath>> {
        paths.iter().map(|path| self.inner(path)).collect()
    }

    fn entry(&self, mut entry: Entry) -> Entry {
        entry.path = self.outer(&entry.path);
        entry
    }

    fn page(&self, mut page: Page<Entry>) -> Page<Entry> {
        for entry in &mut page.items {
            entry.path = self.outer(&entry.path);
        }
        page
    }

    fn text_page(&self, mut page: TextPage) -> TextPage {
        page.path = self.outer(&page.path);
        page
    }

    fn error(&self, error: Error) -> Error {
        error.map_path(|path| self.outer(path))
    }
}

fn not_the_root(path: &VirtualPath, done: &str) -> Result<()> {
    if path.is_root() {
        let words = format!("the root cannot be {done}");
        return Err(Error::invalid_request_at(path, words));
    }
    Ok(())
}

/// Forwards a request with its path moved, and moves the path of the error back.
macro_rules! forward {
    ($self:ident.$method:ident($request:ident)) => {{
        let mut request = $request.clone();
        request.path = $self.inner(&request.path)?;
        $self
            .backend
            .$method(&request)
            .await
            .map_err(|error| $self.error(error))
    }};
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Backend for Below {
    fn capabilities(&self) -> Capabilities {
        self.backend.capabilities()
    }

    fn work_dir(&self) -> VirtualPath {
        let inner = self.backend.work_dir();
        inner
            .strip_prefix(&self.base)
            .unwrap_or_else(VirtualPath::root)
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        forward!(self.stat_with(request)).map(|entry| self.entry(entry))
    }

    async fn resolve_with(&self, request: &ResolveRequest) -> Result<Resolved> {
        forward!(self.resolve_with(request)).map(|led| Resolved::new(self.outer(&led.path)))
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        forward!(self.ls_with(request)).map(|page| self.page(page))
    }

    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        forward!(self.read_with(request)).map(|page| self.text_page(page))
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        forward!(self.read_bytes_with(request))
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        forward!(self.write_with(request))
    }

    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        forward!(self.edit_with(request)).map(|edited| edited.at_path(&request.path))
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        not_the_root(&request.path, "deleted")?;
        forward!(self.delete_with(request))
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        not_the_root(&request.from, "moved or replaced")?;
        not_the_root(&request.to, "moved or replaced")?;
        let mut request = request.clone();
        request.from = self.inner(&request.from)?;
        request.to = self.inner(&request.to)?;
        self.backend
            .rename_with(&request)
            .await
            .map_err(|error| self.error(error))
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        forward!(self.mkdir_with(request))
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        let mut moved = request.clone();
        moved.exclude = self.all_inner(&request.exclude)?;
        let request = &moved;
        forward!(self.glob_with(request)).map(|page| self.page(page))
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        let mut moved = request.clone();
        moved.exclude = self.all_inner(&request.exclude)?;
        let request = &moved;
        let mut found = forward!(self.grep_with(request))?;
        for hit in &mut found.matches {
            hit.path = self.outer(&hit.path);
        }
        for file in &mut found.files {
            file.path = self.outer(&file.path);
        }
        Ok(found)
    }

    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            outcomes.push(self.read_with(request).await);
        }
        outcomes
    }

    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            outcomes.push(self.write_with(request).await);
        }
        outcomes
    }
}
