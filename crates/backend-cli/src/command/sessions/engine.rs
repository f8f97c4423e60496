//! The Docker engine in which the sandboxes of the sessions are.

use sandbox_docker::{DockerProvider, DockerSandbox};

use crate::app::App;
use crate::failure::Result;

/// Connects to the engine. Nothing is made in it, and nothing is removed by that.
pub(super) async fn connect(app: &App) -> Result<DockerProvider> {
    let provider = DockerProvider::builder(DockerSandbox::builder("unused"))
        .namespace(app.namespace())
        .without_sweep()
        .connect();
    Ok(provider.await?)
}
