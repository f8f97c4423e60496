//! What a law sees: the subject's backend, with every answer checked on the way.

use std::sync::Arc;

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry,
    GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page,
    ReadBytesRequest, ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result,
    StatRequest, TextPage, VirtualPath, WriteRequest, Written,
};

use crate::{Below, Subject, check};

mod helpers;

pub(crate) use helpers::{kinds, p, refused, refused_at};

/// A subject as a law sees it: a [`Backend`] that forwards everything, and panics if an answer breaks one of the
/// rules that hold for every answer, such as the order of a listing.
#[derive(Debug)]
pub(crate) struct Workspace {
    subject: Subject,
    inner: Arc<dyn Backend>,
}

impl Workspace {
    /// Wraps a subject.
    pub(crate) fn new(subject: Subject) -> Self {
        let inner: Arc<dyn Backend> = match &subject.directory {
            Some(directory) => {
                Arc::new(Below::new(Arc::clone(&subject.backend), directory.clone()))
            }
            None => Arc::clone(&subject.backend),
        };
        Self { subject, inner }
    }

    /// Returns the texts that no message may contain.
    pub(crate) fn host_paths(&self) -> &[String] {
        &self.subject.host_paths
    }

    fn checked<T>(&self, asked: &[&VirtualPath], result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            check::error(error, asked, &self.subject.host_paths);
        }
        result
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Backend for Workspace {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn work_dir(&self) -> VirtualPath {
        self.inner.work_dir()
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        let result = self.inner.stat_with(request).await;
        if let Ok(entry) = &result {
            assert_eq!(entry.path, request.path, "stat answers for the path asked");
            check::entry(entry);
        }
        self.checked(&[&request.path], result)
    }

    async fn resolve_with(&self, request: &ResolveRequest) -> Result<Resolved> {
        let result = self.inner.resolve_with(request).await;
        self.checked(&[&request.path], result)
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        let result = self.inner.ls_with(request).await;
        if let Ok(page) = &result {
            check::listing(request, page);
        }
        self.checked(&[&request.path], result)
    }

    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        let result = self.inner.read_with(request).await;
        if let Ok(page) = &result {
            check::text_page(request, page);
        }
        self.checked(&[&request.path], result)
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        let result = self.inner.read_bytes_with(request).await;
        if let Ok(content) = &result {
            check::content(request, content);
        }
        self.checked(&[&request.path], result)
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        let result = self.inner.write_with(request).await;
        if let Ok(written) = &result {
            assert_eq!(
                written.size,
                request.content.len() as u64,
                "{}: the size written is that of the content",
                request.path
            );
        }
        self.checked(&[&request.path], result)
    }

    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        let result = self.inner.edit_with(request).await;
        self.checked(&[&request.path], result)
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        let result = self.inner.delete_with(request).await;
        if let Ok(deleted) = &result {
            assert!(
                deleted.entries >= 1,
                "{}: a delete removes the entry at least",
                request.path
            );
        }
        self.checked(&[&request.path], result)
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        let result = self.inner.rename_with(request).await;
        self.checked(&[&request.from, &request.to], result)
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        let result = self.inner.mkdir_with(request).await;
        self.checked(&[&request.path], result)
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        let result = self.inner.glob_with(request).await;
        if let Ok(page) = &result {
            check::globbed(request, page);
        }
        self.checked(&[&request.path], result)
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        let result = self.inner.grep_with(request).await;
        if let Ok(found) = &result {
            check::grepped(request, found);
        }
        self.checked(&[&request.path], result)
    }

    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        let outcomes = self.inner.read_many_with(requests).await;
        assert_eq!(
            outcomes.len(),
            requests.len(),
            "one outcome for each request"
        );
        for (request, outcome) in requests.iter().zip(&outcomes) {
            match outcome {
                Ok(page) => check::text_page(request, page),
                Err(error) => check::error(error, &[&request.path], &self.subject.host_paths),
            }
        }
        outcomes
    }

    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        let outcomes = self.inner.write_many_with(requests).await;
        assert_eq!(
            outcomes.len(),
            requests.len(),
            "one outcome for each request"
        );
        for (request, outcome) in requests.iter().zip(&outcomes) {
            if let Err(error) = outcome {
                check::error(error, &[&request.path], &self.subject.host_paths);
            }
        }
        outcomes
    }
}
