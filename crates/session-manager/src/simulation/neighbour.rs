//! Other managers on the same engine: with their own root, on a copy of the root, or without a root and with the same name. They
//! stay idle while they exist. No other manager ends their sandboxes, and they end no other's.

use std::fs;
use std::path::Path;
use std::time::Duration;

use backend_core::{BackendExt, SandboxId};
use tempfile::TempDir;
use tokio::time::timeout;

use super::world::{Manager, Provider, World, in_memory};
use crate::{Session, SessionManager};

/// Start numbers below this are for the day's own managers.
const BOOTS: u64 = 1 << 20;

/// Another manager.
pub(super) struct Neighbour {
    manager: Manager,
    provider: Provider,
    _root: Option<TempDir>,
    /// A session, the content of its file, and its sandbox at the last check.
    session: Session<Provider>,
    text: String,
    sandbox: Option<SandboxId>,
    /// Whether its file outlives its sandbox.
    stored: bool,
}

impl World {
    /// Another manager starts, or an existing one does something or ends.
    pub(super) async fn meet(&mut self) {
        if self.neighbours.is_empty() || (self.neighbours.len() < 3 && self.random.chance(40)) {
            self.settle_in().await;
        } else {
            let number = self.random.below(self.neighbours.len() as u64) as usize;
            if self.random.chance(60) {
                let gone = self.gone.clone();
                self.neighbours[number].look(&gone).await;
            } else {
                let orderly = self.random.chance(50);
                let neighbour = self.neighbours.swap_remove(number);
                neighbour.leave(orderly).await;
            }
        }
    }

    async fn settle_in(&mut self) {
        self.boots += 1;
        let provider = self.provider.another_process();
        let kind = self.random.below(3);
        let (root, stored) = match kind {
            0 => (None, false),
            1 => (Some(in_memory()), true),
            _ if !self.policy.stored => (None, false),
            _ => {
                let copy = in_memory();
                copy_tree(self.root.path(), copy.path());
                (Some(copy), true)
            }
        };
        let mut builder = SessionManager::builder(provider.clone())
            .name("day")
            .clock(self.clock.clone())
            .inline(BOOTS + self.boots)
            .without_fsync()
            .idle_timeout(None)
            .close_after(None)
            .cleanup_interval(None)
            .stop_timeout(Duration::from_secs(20));
        if let Some(root) = &root {
            builder = builder.workspace_root(root.path());
        }
        // The start may fail during an outage.
        let Ok(manager) = builder.build().await else {
            return;
        };
        let recovered = manager.recovered();
        assert_eq!(recovered.adopted, [], "it belongs to another manager");
        if stored {
            assert_eq!(recovered.orphans, [], "it belongs to another manager");
        }
        assert_eq!(recovered.copied, stored && kind == 2);
        // The copy has different sessions with the same ids.
        let id = if stored && kind == 2 { "u0" } else { "n0" };
        let options = crate::SessionOptions::new().tenant("t0");
        let asked = timeout(
            Duration::from_secs(200),
            manager.get_or_create_with(id, &options),
        );
        let text = format!("of neighbour {}", self.boots);
        if let Ok(Ok(session)) = asked.await
            && session.write("/theirs.txt", text.clone()).await.is_ok()
        {
            self.neighbours.push(Neighbour {
                sandbox: session.sandbox_id(),
                manager,
                provider,
                _root: root,
                session,
                text,
                stored,
            });
        } else {
            let _ = manager.shutdown().await;
            provider.end_process();
        }
    }

    /// No sandbox of a neighbour was ended.
    pub(super) fn check_neighbours(&self) {
        let existing = self.provider.existing();
        for neighbour in &self.neighbours {
            if let Some(id) = &neighbour.sandbox
                && !self.gone.contains(id)
            {
                assert!(existing.contains(id), "{id} of a neighbour was ended");
            }
        }
    }

    /// Ends all neighbours, and checks that nothing of theirs is left.
    pub(super) async fn take_leave(&mut self) {
        for mut neighbour in std::mem::take(&mut self.neighbours) {
            neighbour.look(&self.gone).await;
            neighbour.leave(true).await;
        }
        let ours = self.ours();
        for id in self.provider.existing() {
            if !ours.contains(&id) {
                self.provider.remove_by_hand(&id);
            }
        }
    }
}

impl Neighbour {
    /// Checks that the written file is still there.
    async fn look(&mut self, gone: &std::collections::BTreeSet<SandboxId>) {
        let lost = self.sandbox.as_ref().is_some_and(|id| gone.contains(id));
        match timeout(Duration::from_secs(500), self.session.read("/theirs.txt")).await {
            Ok(Ok(page)) => assert_eq!(page.text, self.text),
            Ok(Err(error)) if error.kind() == backend_core::ErrorKind::NotFound => {
                panic!("the file of a neighbour is gone");
            }
            // Its sandbox may be gone or unreachable.
            Ok(Err(_)) | Err(_) => {}
        }
        if self.stored || !lost {
            self.sandbox = self.session.sandbox_id().or(self.sandbox.take());
        }
        if let Some(id) = &self.sandbox
            && self.provider.existing().contains(id)
        {
            let label = self.provider.spec(id).map(|spec| spec.labels);
            assert!(label.is_some());
        }
    }

    async fn leave(self, orderly: bool) {
        if orderly {
            let _ = self.manager.shutdown().await;
        } else {
            self.manager.inner().crash();
        }
        self.provider.end_process();
    }
}

/// Copies a root like a backup. The copied workspaces have different files.
fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy_tree(&entry.path(), &target);
        } else if entry.file_name() != ".mark" {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
