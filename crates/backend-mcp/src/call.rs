//! One call: its turn, its progress, its end. It ends at once when the client cancels it.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use backend_tools::Toolset;
use futures_util::FutureExt as _;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};
use serde_json::Value;
use tokio::time::Instant;

use crate::shared::Shared;
use crate::tools;

/// Calls a tool, and returns the result for the client.
///
/// # Cancellation
///
/// When the client cancels the request or disconnects, the call is dropped with everything it runs.
pub(crate) async fn run(
    shared: &Shared,
    toolset: &Toolset,
    name: &str,
    arguments: Value,
    context: &RequestContext<RoleServer>,
) -> CallToolResult {
    let work = async {
        let _turn = shared.turns.acquire().await;
        // A panic in one call is reported to the client, which would otherwise wait forever.
        let called = AssertUnwindSafe(toolset.call(name, arguments)).catch_unwind();
        match called.await {
            Ok(reply) => tools::result(reply),
            Err(_) => tools::failed("The tool crashed. The operation may be partly done."),
        }
    };
    let told = async {
        match context.meta.get_progress_token() {
            Some(token) => tell(&context.peer, token, name, shared.progress_interval).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = context.ct.cancelled() => tools::failed("The call was cancelled."),
        result = work => result,
        () = told => tools::failed("The call was abandoned."),
    }
}

/// Reports repeatedly how long a call has been running. It does not return.
async fn tell(peer: &Peer<RoleServer>, token: ProgressToken, name: &str, every: Duration) {
    let started = Instant::now();
    let mut ticks = tokio::time::interval_at(started + every, every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let seconds = started.elapsed().as_secs_f64();
        let message = format!("{name} has been running for {seconds:.0} s");
        let progress = ProgressNotificationParam::new(token.clone(), seconds).with_message(message);
        // A client that ignores progress still gets its answer.
        let _ = peer.notify_progress(progress).await;
    }
}
