//! The files of a session are those of its sandbox.

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, ReadRequest, Result, SandboxProvider, TextPage, VirtualPath,
    WriteRequest, Written, delegate,
};

use super::Session;

/// Runs an operation on the sandbox, and checks its outcome.
macro_rules! on_sandbox {
    ($session:ident, $operation:ident($($argument:expr),*)) => {{
        let pass = $session.begin_op().await?;
        let outcome = pass.running.sandbox.$operation($($argument),*).await;
        $session.checked(pass, outcome).await
    }};
}

pub(super) use on_sandbox;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: SandboxProvider> Backend for Session<P> {
    fn capabilities(&self) -> Capabilities {
        let descriptor = self.entry.descriptor.get();
        descriptor.map_or(Capabilities::none(), |descriptor| descriptor.capabilities)
    }

    fn work_dir(&self) -> VirtualPath {
        let descriptor = self.entry.descriptor.get();
        descriptor.map_or_else(VirtualPath::root, |descriptor| descriptor.work_dir.clone())
    }

    delegate!(reads, changes by on_sandbox);

    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        let pass = match self.begin_op().await {
            Ok(pass) => pass,
            Err(error) => return requests.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut outcomes = pass.running.sandbox.read_many_with(requests).await;
        self.check_last(pass, &mut outcomes).await;
        outcomes
    }

    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        let pass = match self.begin_op().await {
            Ok(pass) => pass,
            Err(error) => return requests.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut outcomes = pass.running.sandbox.write_many_with(requests).await;
        self.check_last(pass, &mut outcomes).await;
        outcomes
    }
}

impl<P: SandboxProvider> Session<P> {
    /// Checks the sandbox by the last of several outcomes: once it is dead, all later ones fail too.
    async fn check_last<T: Send>(&self, pass: super::Pass<P>, outcomes: &mut Vec<Result<T>>) {
        if let Some(last) = outcomes.pop() {
            outcomes.push(self.checked(pass, last).await);
        }
    }
}
