//! Backends and sandboxes behind `Arc` and `Box` are backends and sandboxes.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Backend, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Entry, ExecOutput,
    ExecRequest, GlobRequest, GrepRequest, Grepped, Liveness, LsRequest, MadeDirectory,
    MkdirRequest, OutputRequest, Page, ProcessId, ProcessInfo, ProcessOutput, ReadBytesRequest,
    ReadRequest, RenameRequest, Renamed, ResolveRequest, Resolved, Result, Sandbox, SandboxId,
    Signal, StatRequest, StdinRequest, TerminalSize, TextPage, VirtualPath, WriteRequest, Written,
};

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<T: Backend + ?Sized> Backend for $pointer {
            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }
            fn work_dir(&self) -> VirtualPath {
                (**self).work_dir()
            }
            async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
                (**self).stat_with(request).await
            }
            async fn resolve_with(&self, request: &ResolveRequest) -> Result<Resolved> {
                (**self).resolve_with(request).await
            }
            async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
                (**self).ls_with(request).await
            }
            async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
                (**self).read_with(request).await
            }
            async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
                (**self).read_bytes_with(request).await
            }
            async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
                (**self).write_with(request).await
            }
            async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
                (**self).edit_with(request).await
            }
            async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
                (**self).delete_with(request).await
            }
            async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
                (**self).rename_with(request).await
            }
            async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
                (**self).mkdir_with(request).await
            }
            async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
                (**self).glob_with(request).await
            }
            async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
                (**self).grep_with(request).await
            }
            async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
                (**self).read_many_with(requests).await
            }
            async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
                (**self).write_many_with(requests).await
            }
        }

        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<T: Sandbox + ?Sized> Sandbox for $pointer {
            fn id(&self) -> &SandboxId {
                (**self).id()
            }
            async fn liveness(&self) -> Liveness {
                (**self).liveness().await
            }
            async fn execute_with(&self, request: &ExecRequest) -> Result<ExecOutput> {
                (**self).execute_with(request).await
            }
            async fn spawn_with(&self, request: &ExecRequest) -> Result<ProcessInfo> {
                (**self).spawn_with(request).await
            }
            async fn processes(&self) -> Result<Vec<ProcessInfo>> {
                (**self).processes().await
            }
            async fn read_output(&self, request: &OutputRequest) -> Result<ProcessOutput> {
                (**self).read_output(request).await
            }
            async fn write_stdin(&self, request: &StdinRequest) -> Result<()> {
                (**self).write_stdin(request).await
            }
            async fn signal(&self, process: &ProcessId, signal: Signal) -> Result<()> {
                (**self).signal(process, signal).await
            }
            async fn resize(&self, process: &ProcessId, size: TerminalSize) -> Result<()> {
                (**self).resize(process, size).await
            }
            async fn stop(&self) -> Result<()> {
                (**self).stop().await
            }
        }
    )*};
}

forward!(Arc<T>, Box<T>);
