//! The files of a sandbox: the guest does every operation.

use async_trait::async_trait;
use backend_core::{
    Backend, Capabilities, Error, ReadRequest, Result, TextPage, VirtualPath, WriteRequest,
    Written, delegate,
};

use super::DockerSandbox;

/// Asks the guest, and determines the cause if there is no answer.
macro_rules! ask {
    ($sandbox:ident, $operation:ident ($($request:expr),*)) => {{
        let remote = $sandbox.remote().await?;
        match remote.$operation($($request),*).await {
            Err(error) => Err($sandbox.explain(&remote, error).await),
            answer => answer,
        }
    }};
}

/// Asks the guest what changes nothing. If the connection broke meanwhile, it asks once more, on a new one.
macro_rules! ask_again {
    ($sandbox:ident, $operation:ident ($($request:expr),*)) => {{
        let remote = $sandbox.remote().await?;
        match remote.$operation($($request),*).await {
            Err(Error::Unavailable { .. }) if remote.is_closed() => {
                ask!($sandbox, $operation($($request),*))
            }
            answer => answer,
        }
    }};
}

pub(super) use {ask, ask_again};

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Backend for DockerSandbox {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::none();
        capabilities.durable = self.shared.durable;
        capabilities.symlinks = true;
        capabilities.executes = true;
        capabilities.processes = true;
        capabilities.pty = true;
        capabilities
    }

    fn work_dir(&self) -> VirtualPath {
        self.shared.work_dir.clone()
    }

    delegate!(reads by ask_again);

    delegate!(changes by ask);

    async fn read_many_with(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        match self.remote().await {
            Ok(remote) => {
                let outcomes = remote.read_many_with(requests).await;
                if !remote.is_closed() || !outcomes.iter().any(is_unavailable) {
                    return outcomes;
                }
                // They change nothing, so they are asked again.
                match self.remote().await {
                    Ok(remote) => {
                        let outcomes = remote.read_many_with(requests).await;
                        self.explain_all(&remote, outcomes).await
                    }
                    Err(error) => requests.iter().map(|_| Err(error.clone())).collect(),
                }
            }
            Err(error) => requests.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        match self.remote().await {
            Ok(remote) => {
                let outcomes = remote.write_many_with(requests).await;
                self.explain_all(&remote, outcomes).await
            }
            Err(error) => requests.iter().map(|_| Err(error.clone())).collect(),
        }
    }
}

impl DockerSandbox {
    async fn explain_all<T: Send>(
        &self,
        remote: &backend_core::wire::Remote,
        mut outcomes: Vec<Result<T>>,
    ) -> Vec<Result<T>> {
        let lost = outcomes.iter().find(|outcome| is_unavailable(outcome));
        if let Some(Err(error)) = lost {
            let why = self.explain(remote, error.clone()).await;
            for outcome in &mut outcomes {
                if is_unavailable(outcome) {
                    *outcome = Err(why.clone());
                }
            }
        }
        outcomes
    }
}

fn is_unavailable<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(Error::Unavailable { .. }))
}
