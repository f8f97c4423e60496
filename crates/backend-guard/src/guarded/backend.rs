//! Each operation on files: checked, performed, and checked again before its result is returned.

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry,
    GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory, MkdirRequest, Page,
    ReadBytesRequest, ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result,
    StatRequest, TextPage, VirtualPath, WriteRequest, Written,
};

use super::Guarded;
use super::authorization::Authorization;
use super::link::FollowLast;
use super::subtree::Affected;
use crate::Method;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<B: Backend> Backend for Guarded<B> {
    /// An operation that the rules forbid everywhere is not a capability: a guard that allows no change is read-only.
    fn capabilities(&self) -> Capabilities {
        self.allowed_capabilities()
    }

    fn work_dir(&self) -> VirtualPath {
        self.policy.work_dir().clone()
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        self.stat(request).await
    }

    async fn resolve_with(&self, request: &ResolveRequest) -> Result<Resolved> {
        self.resolved(request).await
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        self.ls(request).await
    }

    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        let authorized = self.authorize_path(Method::Read, &request.path).await?;
        let outcome = self.inner.read_with(request).await;
        authorized.recheck().await?;
        outcome
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        let authorized = self
            .authorize_path(Method::ReadBytes, &request.path)
            .await?;
        let outcome = self.inner.read_bytes_with(request).await;
        authorized.recheck().await?;
        outcome
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        self.authorize_path(Method::Write, &request.path).await?;
        self.inner.write_with(request).await
    }

    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        let method = if request.dry_run {
            Method::DryEdit
        } else {
            Method::Edit
        };
        let authorized = self.authorize_path(method, &request.path).await?;
        let outcome = self.inner.edit_with(request).await;
        authorized.recheck().await?;
        outcome
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        let (path, operations) = (&request.path, Method::Delete.needs());
        let mut authorization = Authorization::new(self, Method::Delete, path);
        let to = authorization.need(operations, path, FollowLast::No).await?;
        if request.recursive {
            let affected = [path, &to].map(|base| Affected { operations, base });
            authorization.below(path, &affected).await?;
        }
        authorization.authorize().await?;
        self.inner.delete_with(request).await
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        let (from, to) = (&request.from, &request.to);
        let (leaves, arrives) = (Method::Rename.needs(), Method::Rename.needs_at_target());
        let mut authorization = Authorization::new(self, Method::Rename, from).target(to);
        let resolved_from = authorization.need(leaves, from, FollowLast::No).await?;
        let resolved_to = authorization.need(arrives, to, FollowLast::No).await?;
        let affected = [
            (leaves, from),
            (leaves, &resolved_from),
            (arrives, to),
            (arrives, &resolved_to),
        ];
        let affected = affected.map(|(operations, base)| Affected { operations, base });
        authorization.below(from, &affected).await?;
        authorization.authorize().await?;
        self.inner.rename_with(request).await
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        self.authorize_path(Method::Mkdir, &request.path).await?;
        self.inner.mkdir_with(request).await
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        self.glob(request).await
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        self.grep(request).await
    }

    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        self.read_many(requests).await
    }

    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        self.write_many(requests).await
    }
}
