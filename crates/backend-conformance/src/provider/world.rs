//! Events of an engine and its sandboxes that no provider causes.

use std::sync::Arc;

use backend_core::{Backend, SandboxId};

use super::{FakeProvider, Made};

impl<B: Backend> FakeProvider<B> {
    /// Returns the same engine as another process sees it.
    #[must_use]
    pub fn another_process(&self) -> Self {
        let mut state = self.state();
        let process = state.processes;
        state.processes += 1;
        Self {
            engine: Arc::clone(&self.engine),
            process,
        }
    }

    /// Ends the process that uses this provider: its sandboxes keep running, and their owner is gone.
    pub fn end_process(&self) {
        self.state().ended.insert(self.process);
    }

    /// Sets whether the engine is out of reach. While it is, every call fails and every state is unknown; no sandbox is
    /// affected. Running commands report that the connection broke, and calls in flight may or may not have had their effect.
    pub fn set_away(&self, away: bool) {
        let was = std::mem::replace(&mut self.state().away, away);
        if away && !was {
            self.cut();
        }
    }

    /// Sets whether the engine's disk is full: nothing can be written, and no sandbox made.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// Restarts the engine. Its sandboxes keep running, or they are stopped, as by [`stop_by_hand`](Self::stop_by_hand).
    /// All connections break.
    pub fn restart(&self, sandboxes_run_on: bool) {
        if !sandboxes_run_on {
            for id in self.running() {
                self.stop_by_hand(&id);
            }
        }
        self.cut();
    }

    /// Kills a sandbox, as a crash of its host would. It is listed until it is destroyed. Returns whether it ran.
    pub fn kill(&self, id: &SandboxId) -> bool {
        let state = self.state();
        state
            .sandboxes
            .get(id)
            .is_some_and(|made| !made.rests && made.sandbox.end())
    }

    /// Stops a sandbox from outside. If the provider can resume it, it is asleep with its files; otherwise it is gone.
    /// Returns whether it ran.
    pub fn stop_by_hand(&self, id: &SandboxId) -> bool {
        let mut state = self.state();
        let suspends = state.features.suspends;
        state.sandboxes.get_mut(id).is_some_and(|made| {
            let ran = made.runs();
            if ran {
                made.rests = suspends;
                made.paused = false;
                made.sandbox.end();
            }
            ran
        })
    }

    /// Removes a sandbox with its files from outside. Returns whether it existed.
    pub fn remove_by_hand(&self, id: &SandboxId) -> bool {
        let removed = self.state().sandboxes.remove(id);
        if let Some(made) = &removed {
            made.sandbox.end();
        }
        removed.is_some()
    }

    /// Renames a sandbox from outside. It no longer exists under its own name. Returns whether it existed.
    pub fn rename_by_hand(&self, id: &SandboxId, name: &SandboxId) -> bool {
        let mut state = self.state();
        if state.sandboxes.contains_key(name) {
            return false;
        }
        let made = state.sandboxes.remove(id);
        made.is_some_and(|made| state.sandboxes.insert(name.clone(), made).is_none())
    }

    /// Pauses a sandbox from outside: it answers nothing until it is [unpaused](Self::unpause). Returns whether it ran.
    pub fn pause_by_hand(&self, id: &SandboxId) -> bool {
        self.set_paused(id, true)
    }

    /// Resumes a paused sandbox. Returns whether it was paused.
    pub fn unpause(&self, id: &SandboxId) -> bool {
        self.set_paused(id, false)
    }

    /// Returns the sandboxes that are paused.
    pub fn paused(&self) -> Vec<SandboxId> {
        let state = self.state();
        let paused = state.sandboxes.iter().filter(|(_, made)| made.is_paused());
        paused.map(|(id, _)| id.clone()).collect()
    }

    fn set_paused(&self, id: &SandboxId, paused: bool) -> bool {
        let mut state = self.state();
        let made = state.sandboxes.get_mut(id).filter(|made| made.runs());
        made.is_some_and(|made: &mut Made<B>| std::mem::replace(&mut made.paused, paused) != paused)
    }

    /// Breaks all connections.
    fn cut(&self) {
        self.engine.breaks.notify_waiters();
    }
}
