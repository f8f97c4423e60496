//! Versions that stay valid from one command to the next.
//!
//! An in-memory store assigns new versions whenever it is loaded. Here a version is derived from what the document
//! stores: a file's content and time. So the next command knows a version that an earlier one printed.

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry, Error,
    GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page,
    ReadBytesRequest, ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result,
    StatRequest, TextPage, Version, VirtualPath, WriteMode, WriteRequest, Written,
};
use backend_state::StateBackend;

/// A store whose versions are derived from its content.
#[derive(Clone, Debug)]
pub(super) struct StableVersions {
    inner: StateBackend,
}

impl StableVersions {
    pub(super) fn new(inner: StateBackend) -> Self {
        Self { inner }
    }

    /// Returns both versions of the file at a path.
    async fn at(&self, path: &VirtualPath) -> Result<(Option<Version>, Version)> {
        loop {
            let entry = self.inner.stat_with(&StatRequest::new(path)).await?;
            let read = ReadBytesRequest::new(path).limit(u64::MAX);
            // The bytes are shared, not copied.
            let content = self.inner.read_bytes_with(&read).await?;
            if entry.version == Some(content.version) {
                return Ok((entry.version, of(&entry, &content.bytes)));
            }
        }
    }

    /// Translates a version of the store to the outside. A stale version is passed through and will match nothing.
    async fn outward(&self, path: &VirtualPath, version: Version) -> Version {
        match self.at(path).await {
            Ok((inner, stable)) if inner == Some(version) => stable,
            _ => version,
        }
    }

    /// Translates a version to that of the store; one that is not the file's is passed through.
    async fn inward(&self, path: &VirtualPath, version: Version) -> Version {
        match self.at(path).await {
            Ok((Some(inner), stable)) if stable == version => inner,
            _ => version,
        }
    }

    async fn error(&self, mut error: Error) -> Error {
        if let Error::Conflict { path, current, .. } = &mut error
            && let Some(version) = current
        {
            *version = self.outward(path, *version).await;
        }
        error
    }

    async fn entry(&self, mut entry: Entry) -> Entry {
        if let Some(version) = entry.version {
            entry.version = Some(self.outward(&entry.path, version).await);
        }
        entry
    }

    async fn page(&self, mut page: Page<Entry>) -> Page<Entry> {
        let mut items = Vec::with_capacity(page.items.len());
        for entry in page.items {
            items.push(self.entry(entry).await);
        }
        page.items = items;
        page
    }
}

/// Derives a version from the time, size and content of a file.
fn of(entry: &Entry, content: &[u8]) -> Version {
    let since = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
    let modified = entry.modified.and_then(since).unwrap_or_default();
    let mut parts = vec![
        modified.as_secs(),
        modified.subsec_nanos().into(),
        content.len() as u64,
    ];
    parts.extend(content.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        for (byte, from) in word.iter_mut().zip(chunk) {
            *byte = *from;
        }
        u64::from_le_bytes(word)
    }));
    Version::from_parts(&parts)
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Backend for StableVersions {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn work_dir(&self) -> VirtualPath {
        self.inner.work_dir()
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        Ok(self.entry(self.inner.stat_with(request).await?).await)
    }

    async fn resolve_with(&self, request: &ResolveRequest) -> Result<Resolved> {
        self.inner.resolve_with(request).await
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        Ok(self.page(self.inner.ls_with(request).await?).await)
    }

    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        let mut page = self.inner.read_with(request).await?;
        page.version = self.outward(&request.path, page.version).await;
        Ok(page)
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        let mut content = self.inner.read_bytes_with(request).await?;
        content.version = self.outward(&request.path, content.version).await;
        Ok(content)
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        let mut request = request.clone();
        if let WriteMode::IfVersion(version) = request.mode {
            request.mode = WriteMode::IfVersion(self.inward(&request.path, version).await);
        }
        match self.inner.write_with(&request).await {
            Ok(mut written) => {
                written.version = self.outward(&request.path, written.version).await;
                Ok(written)
            }
            Err(error) => Err(self.error(error).await),
        }
    }

    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        let mut request = request.clone();
        if let Some(version) = request.expected {
            request.expected = Some(self.inward(&request.path, version).await);
        }
        match self.inner.edit_with(&request).await {
            Ok(mut edited) => {
                edited.version = self.outward(&request.path, edited.version).await;
                Ok(edited)
            }
            Err(error) => Err(self.error(error).await),
        }
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        let mut request = request.clone();
        if let Some(version) = request.expected {
            request.expected = Some(self.inward(&request.path, version).await);
        }
        match self.inner.delete_with(&request).await {
            Ok(deleted) => Ok(deleted),
            Err(error) => Err(self.error(error).await),
        }
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        let mut renamed = self.inner.rename_with(request).await?;
        if let Some(version) = renamed.version {
            renamed.version = Some(self.outward(&request.to, version).await);
        }
        Ok(renamed)
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        self.inner.mkdir_with(request).await
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        Ok(self.page(self.inner.glob_with(request).await?).await)
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        self.inner.grep_with(request).await
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

#[cfg(test)]
mod tests {
    use backend_state::StateBackend;

    use super::StableVersions;

    backend_conformance::file_laws!(laws, || async { StableVersions::new(StateBackend::new()) });
}
