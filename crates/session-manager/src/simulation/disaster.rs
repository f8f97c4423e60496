//! Events outside the managers' control: the engine, its sandboxes, the disks and the clock.

use backend_core::SandboxId;

use super::world::World;

/// The longest jump of the wall clock, in seconds.
const JUMP: u64 = 60 * 24 * 60 * 60;

impl World {
    /// Breaks something, or repairs it.
    pub(super) fn befall(&mut self) {
        match self.random.below(12) {
            0 | 1 => self.provider.set_away(true),
            2 | 3 => self.provider.set_away(false),
            4 => {
                let run_on = self.random.chance(50);
                if !run_on && !self.policy.features.suspends {
                    self.gone.extend(self.provider.running());
                }
                self.provider.restart(run_on);
            }
            5 | 6 => self.by_hand(),
            7 => {
                for id in self.provider.paused() {
                    self.provider.unpause(&id);
                }
            }
            8 => {
                let full = self.random.chance(50);
                self.provider.set_full(full);
            }
            9 | 10 => {
                let full = self.random.chance(50);
                self.set_store_full(full);
            }
            _ => self.set_calendar(),
        }
    }

    /// Changes a sandbox from outside.
    fn by_hand(&mut self) {
        let running = self.provider.running();
        let Some(id) = self.random.pick(&running).cloned() else {
            return;
        };
        match self.random.below(3) {
            0 => {
                self.provider.pause_by_hand(&id);
            }
            1 => {
                if !self.policy.features.suspends {
                    self.gone.insert(id.clone());
                }
                self.provider.stop_by_hand(&id);
            }
            _ => self.remove(&id),
        }
    }

    fn remove(&mut self, id: &SandboxId) {
        self.gone.insert(id.clone());
        self.provider.remove_by_hand(id);
    }

    fn set_store_full(&self, full: bool) {
        if let Some(store) = self.manager.inner().records.store() {
            store.full.store(full, std::sync::atomic::Ordering::Relaxed);
        }
    }

    fn set_calendar(&mut self) {
        let seconds = self.random.below(JUMP).cast_signed();
        let seconds = match self.random.below(3) {
            0 => 0,
            1 => seconds,
            _ => -seconds,
        };
        self.clock.set(seconds);
    }

    /// Repairs everything that can be repaired.
    pub(super) fn mend(&mut self) {
        self.weather.set(0);
        self.provider.set_away(false);
        self.provider.set_full(false);
        self.set_store_full(false);
        for id in self.provider.paused() {
            self.provider.unpause(&id);
        }
    }
}
