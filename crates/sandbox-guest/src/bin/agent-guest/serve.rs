//! `serve`: one connection on standard input and output. When it ends, everything that it started ends.

use std::sync::Arc;

use backend_core::Sandbox;
use backend_core::wire::Server;

use crate::args::Workspace;
use crate::{limits, memory, stdio, workspace};

pub(crate) fn run(mut options: Workspace) -> Result<(), String> {
    memory::outlive();
    options.inherits(limits::outlive());
    memory::settle();
    workspace::run(async {
        let guest = workspace::open(&options).await?;
        let server = Server::sandbox(Arc::clone(&guest)).options(workspace::options());
        let served = server.serve(stdio::take()).await;
        // The peer is gone, so there is no one to report to whether everything is known to be dead.
        let _ = guest.stop().await;
        served.map_err(|error| error.to_string())
    })
}
