//! `sessions clean`: removes leftovers of an application that is not running, and unused sessions.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use backend_core::{Error, SandboxId, SandboxProvider};
use clap::Args;
use serde_json::json;
use session_manager::{SessionInfo, SessionManager};

use super::nowhere::Nowhere;
use super::{All, RootArgs};
use crate::command::Results;
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::parse;

/// How long to wait for sandboxes that are being ended.
const STOP_TIMEOUT: Duration = Duration::from_secs(120);

/// Remove what a crash has left behind, and sessions with all their files
///
/// Without ids and --unused-for no session is removed, only what was half created or half removed when the application
/// ended, and with --engine sandboxes that belong to no session. Sandboxes of sessions keep running, for the
/// application to take over.
///
/// A session whose record names a sandbox is removed only with --engine, which ends the sandbox first, or with
/// --no-sandboxes, if it is certain that the sandbox no longer exists.
#[derive(Debug, Args)]
pub(super) struct Clean {
    /// The ids of sessions to remove
    #[arg(value_name = "ID", value_parser = parse::sandbox_id)]
    ids: Vec<SandboxId>,

    #[command(flatten)]
    root: RootArgs,

    /// Remove sessions unused for this long, such as 90d or 12h
    #[arg(long, value_name = "TIME", value_parser = parse::age)]
    unused_for: Option<Duration>,

    /// Assume that no sandbox of the sessions exists any more
    #[arg(long)]
    #[cfg_attr(feature = "docker", arg(conflicts_with = "engine"))]
    no_sandboxes: bool,

    /// Show which sessions would be removed, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Clean {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let chosen = self.choose()?;
        if self.dry_run {
            return self.show(&chosen, context);
        }
        #[cfg(feature = "docker")]
        if self.root.engine {
            let all = All::read(&self.root.open()?, None)?;
            let (provider, others) = super::engine::connect(context, &all.sessions).await?;
            return self.remove(chosen, provider, &others, context).await;
        }
        self.remove(chosen, Nowhere, &BTreeSet::new(), context)
            .await
    }

    /// Returns the sessions to be removed, those that cannot be, and unknown ids.
    fn choose(&self) -> Result<Vec<(SandboxId, Result<(), Error>)>> {
        let root = self.root.open()?;
        if root.is_owned()? {
            return Err(self.root.opening(Error::unavailable("a session manager owns the workspace root; it cleans up on its own, and its application can purge \
                          sessions")));
        }
        let All {
            sessions,
            unreadable,
        } = All::read(&root, None)?;
        let now = SystemTime::now();
        let mut named: BTreeSet<&SandboxId> = self.ids.iter().collect();
        let mut chosen = Vec::new();
        for info in &sessions {
            let by_name = named.remove(&info.id);
            let old = self.unused_for.is_some_and(|limit| {
                let age = now.duration_since(info.used);
                age.is_ok_and(|age| age >= limit)
            });
            if by_name || old {
                chosen.push((info.id.clone(), self.may_go(info)));
            }
        }
        for (id, error) in unreadable {
            // A session requested by id may be removed even if its record is unreadable.
            if named.remove(&id) {
                let may = if self.no_sandboxes {
                    Ok(())
                } else {
                    Err(error)
                };
                chosen.push((id, may));
            }
        }
        for id in named {
            let unknown = Error::invalid_request(format!("unknown session '{id}'"));
            chosen.push((id.clone(), Err(unknown)));
        }
        chosen.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(chosen)
    }

    fn may_go(&self, info: &SessionInfo) -> Result<(), Error> {
        #[cfg(feature = "docker")]
        let asked = self.root.engine;
        #[cfg(not(feature = "docker"))]
        let asked = false;
        match &info.sandbox {
            Some(sandbox) if !asked && !self.no_sandboxes => Err(Error::invalid_request(format!(
                "session '{}' has the sandbox '{sandbox}', which may exist; --engine ends it, \
                 --no-sandboxes assumes that it does not",
                info.id
            ))),
            _ => Ok(()),
        }
    }

    fn show(&self, chosen: &[(SandboxId, Result<(), Error>)], context: &mut Context) -> Result<u8> {
        let mut results = Results::about("id");
        for (id, may) in chosen {
            match may {
                Ok(()) => {
                    results.done(id.as_str(), json!({ "removed": false }));
                    if !context.out.is_json() {
                        context.out.line(format_args!("would remove {id}"))?;
                    }
                }
                Err(error) => {
                    results.failed(id.as_str(), &Failure::Core(error.clone()), &mut context.out);
                }
            }
        }
        results.finish(&mut context.out)
    }

    async fn remove<P: SandboxProvider>(
        &self,
        chosen: Vec<(SandboxId, Result<(), Error>)>,
        provider: P,
        others: &BTreeSet<SandboxId>,
        context: &mut Context,
    ) -> Result<u8> {
        // Running sandboxes are taken over meanwhile: ending them was not requested.
        let manager = SessionManager::builder(provider)
            .workspace_root(&self.root.workspace_root)
            .max_resident(usize::MAX)
            .max_open(usize::MAX)
            .idle_timeout(None)
            .close_after(None)
            .cleanup_interval(None)
            .build()
            .await
            .map_err(|error| self.root.opening(error))?;
        let mut results = Results::about("id");
        let mut removed = 0_usize;
        for (id, may) in chosen {
            let outcome = match may {
                Ok(()) => manager.purge(&id).await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(()) => {
                    removed += 1;
                    results.done(id.as_str(), json!({ "removed": true }));
                    if !context.out.is_json() {
                        context.out.line(format_args!("removed {id}"))?;
                    }
                }
                Err(error) => results.failed(id.as_str(), &Failure::Core(error), &mut context.out),
            }
        }
        let _ = manager.cleanup_idle().await;
        let orphans = manager.recovered().orphans.len();
        let left = settle(&manager).await;
        for id in &left {
            let error = Error::unavailable(format!("sandbox '{id}' could not be ended yet"));
            results.failed(id.as_str(), &Failure::Core(error), &mut context.out);
        }
        let ended = orphans.saturating_sub(left.len());
        let recovered = manager.recovered();
        if recovered.copied {
            context.out.warning(format_args!(
                "the workspace root is a copy of another one: the sandboxes that its records named are the original's"
            ));
        }
        if !others.is_empty() {
            let others: Vec<&str> = others.iter().map(SandboxId::as_str).collect();
            context.out.warning(format_args!(
                "no sandbox of these sessions exists, so the namespace of the application is not known; sandboxes that belong to \
                 no session were not looked for in '{}': choose one with --namespace",
                others.join("', '")
            ));
        }
        for id in &recovered.foreign {
            context.out.warning(format_args!(
                "sandbox '{id}' belongs to no session and may belong to another manager; it was left alone"
            ));
        }
        for id in &recovered.unreachable {
            context.out.warning(format_args!(
                "the sandbox of session '{id}' could not be reached; it was left alone"
            ));
        }
        if context.out.is_json() {
            let document = json!({
                "results": results.items,
                "orphans_ended": ended,
                "left_alone": recovered.foreign,
                "unreachable": recovered.unreachable,
                "copied": recovered.copied,
                "other_namespaces": others,
            });
            context.out.json(&document)?;
        } else {
            context.out.summary(format_args!(
                "{removed} sessions removed, {ended} orphaned sandboxes ended"
            ))?;
        }
        Ok(results.code)
    }
}

/// Waits until the sandboxes have ended, and returns those that have not in time.
async fn settle<P: SandboxProvider>(manager: &SessionManager<P>) -> Vec<SandboxId> {
    let ends = async {
        loop {
            let stats = manager.stats();
            if stats.orphans + stats.stopping + stats.stuck == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(STOP_TIMEOUT, ends).await {
        Ok(()) => Vec::new(),
        Err(_) => {
            let recovered = manager.recovered();
            let all = recovered.orphans.iter().chain(&recovered.ended);
            all.cloned().collect()
        }
    }
}
