//! What an engine knows of its sandboxes.

use std::collections::BTreeSet;

use backend_core::{Liveness, SandboxId, Workspace};

use super::{FakeSandbox, Made, State};

impl<B> State<B> {
    pub(super) fn running_workspaces(&self) -> BTreeSet<&Workspace> {
        let running = self.sandboxes.values().filter(|made| made.runs());
        running
            .filter_map(|made| made.spec.workspace.as_ref())
            .collect()
    }

    pub(super) fn end(&mut self, sandbox: &FakeSandbox<B>) {
        if sandbox.end() && sandbox.is_busy() {
            self.ended_busy.push(sandbox.id.clone());
        }
    }

    /// Returns the state of a sandbox, as its engine knows it.
    pub(super) fn liveness(&self, id: &SandboxId, asked: &FakeSandbox<B>) -> Liveness {
        match self.sandboxes.get(id) {
            _ if self.away => Liveness::unknown("the engine does not answer"),
            Some(made) if !made.sandbox.is(asked) => Liveness::gone("it was destroyed"),
            Some(made) if made.is_paused() => Liveness::unknown("it is paused"),
            Some(made) if made.rests => Liveness::asleep("it was suspended"),
            Some(_) if asked.runs() => Liveness::Alive,
            // It was resumed since, and this handle belongs to the run before.
            Some(made) if made.sandbox.runs() => Liveness::asleep("it was started again"),
            Some(_) => Liveness::gone("it died"),
            None => Liveness::gone("it was destroyed"),
        }
    }

    pub(super) fn count(&mut self) {
        let running = self.sandboxes.values().filter(|made| made.runs()).count();
        self.tally.most = self.tally.most.max(self.sandboxes.len());
        self.tally.most_running = self.tally.most_running.max(running);
    }
}

impl<B> Made<B> {
    pub(super) fn runs(&self) -> bool {
        !self.rests && self.sandbox.runs()
    }

    pub(super) fn is_dead(&self) -> bool {
        !self.rests && !self.sandbox.runs()
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused && self.runs()
    }
}
