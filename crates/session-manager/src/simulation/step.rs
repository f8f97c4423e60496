//! One step of a day: an action happens, or time passes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backend_core::{Sandbox, SandboxId};
use tokio::time::{sleep, timeout};

use super::user::{intrude, tenant_of, visit};
use super::world::World;

impl World {
    pub(super) async fn step(&mut self) {
        let arrived = std::mem::take(&mut *self.arrivals.lock().unwrap());
        self.visits.extend(arrived);
        self.tasks.retain(|task| !task.is_finished());
        match self.random.below(100) {
            0..=29 => {
                for _ in 0..self.policy.groups {
                    self.come();
                }
            }
            30..=49 => self.work(),
            50..=57 => self.run(),
            58..=60 => self.leave_process(),
            61..=65 => self.kill(),
            66..=70 => self.let_go().await,
            71..=73 => self.hibernate(),
            74..=78 => self.clean().await,
            79..=80 => self.intrude(),
            81..=82 => self.give_up(),
            83..=84 => {
                let storm = self.random.below(60);
                self.weather.set(storm);
            }
            85 if self.random.chance(100 / self.policy.groups) => {
                let orderly = self.random.chance(30);
                self.restart(orderly).await;
            }
            86 | 87 => self.befall(),
            88 => self.meet().await,
            _ => self.wait().await,
        }
        // Tasks that were started get a turn, and sometimes many.
        let turns = self.random.below(4);
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        self.observe();
    }

    fn someone(&mut self) -> SandboxId {
        let number = self.random.below(self.policy.users);
        SandboxId::parse(format!("u{number}")).unwrap()
    }

    /// A user requests a session, once or several times at once, and may stop waiting.
    fn come(&mut self) {
        let id = self.someone();
        for _ in 0..=self.random.below(3) {
            let (manager, id) = (self.manager.clone(), id.clone());
            let arrivals = Arc::clone(&self.arrivals);
            let by_attach = self.random.chance(15);
            // With purging, files are eventually removed.
            let stored = self.policy.stored;
            let keeps = stored && self.policy.purge.is_none();
            let patience = if self.random.chance(30) {
                self.random.millis(2_000)
            } else {
                Duration::from_secs(100_000)
            };
            self.tasks.push(tokio::spawn(async move {
                if let Ok(Some(visit)) =
                    timeout(patience, visit(manager, id, by_attach, keeps, stored)).await
                {
                    arrivals.lock().unwrap().push(visit);
                }
            }));
        }
    }

    fn work(&mut self) {
        if let Some(visit) = self.random.pick(&self.visits).map(Arc::clone) {
            let knowledge = Arc::clone(&self.knowledge);
            let task = tokio::spawn(async move { visit.work(&knowledge).await });
            self.tasks.push(task);
        }
    }

    fn run(&mut self) {
        if let Some(visit) = self.random.pick(&self.visits).map(Arc::clone) {
            let seconds = self.random.below(3_000);
            let patience = self.random.millis(4_000_000);
            self.tasks.push(tokio::spawn(async move {
                let _ = timeout(patience, visit.run(seconds)).await;
            }));
        }
    }

    fn leave_process(&mut self) {
        if let Some(visit) = self.random.pick(&self.visits).map(Arc::clone) {
            let seconds = self.random.below(3_000);
            let task = tokio::spawn(async move { visit.spawn(seconds).await });
            self.tasks.push(task);
        }
    }

    fn kill(&mut self) {
        let running = self.provider.running();
        if let Some(id) = self.random.pick(&running) {
            self.gone.insert(id.clone());
            self.provider.kill(id);
        }
    }

    /// A user releases or purges a session, by its id or by a handle, and may stop waiting.
    async fn let_go(&mut self) {
        let id = match self.random.pick(&self.visits) {
            Some(visit) => visit.session.session_id().clone(),
            None => self.someone(),
        };
        let asking = Asking::begin(&self.let_go, &id);
        let handle = self.visits.iter().find(|v| *v.session.session_id() == id);
        let handle = handle.map(Arc::clone);
        let manager = self.manager.scoped(&tenant_of(&id)).unwrap();
        let way = self.random.below(4);
        let patience = if self.random.chance(30) {
            self.random.millis(1_000)
        } else {
            Duration::from_secs(100_000)
        };
        if way == 0 {
            // Its files are uncertain from now on, because it is not known when they are removed.
            let mut knowledge = self.knowledge.lock().unwrap();
            knowledge.doubtful.insert(id.clone());
            knowledge.written.remove(&id);
        }
        self.tasks.push(tokio::spawn(async move {
            let _asking = asking;
            let _ = timeout(patience, async move {
                match (way, handle) {
                    (0, _) => manager.purge(&id).await,
                    (1, Some(handle)) => handle.session.stop().await,
                    _ => manager.release(&id).await,
                }
            })
            .await;
        }));
    }

    fn hibernate(&mut self) {
        let (id, manager) = (self.someone(), self.manager.clone());
        self.tasks.push(tokio::spawn(async move {
            let _ = manager.hibernate(&id).await;
        }));
    }

    async fn clean(&mut self) {
        let manager = self.manager.clone();
        let clean = tokio::spawn(async move { drop(manager.cleanup_idle().await) });
        self.tasks.push(clean);
        tokio::task::yield_now().await;
    }

    fn intrude(&mut self) {
        let (id, manager) = (self.someone(), self.manager.clone());
        self.tasks.push(tokio::spawn(intrude(manager, id)));
    }

    /// A user drops a handle.
    fn give_up(&mut self) {
        if !self.visits.is_empty() {
            let number = self.random.below(self.visits.len() as u64) as usize;
            self.visits.swap_remove(number);
        }
    }

    async fn wait(&mut self) {
        let time = match self.random.below(10) {
            0..=3 => self.random.millis(300),
            4..=6 => self.random.millis(30_000),
            7..=8 => self.random.millis(600_000),
            _ => self.random.millis(8_000_000),
        };
        sleep(time).await;
    }
}

/// A pending request to end a session, while its caller waits.
struct Asking(Arc<Mutex<BTreeMap<SandboxId, usize>>>, SandboxId);

impl Asking {
    fn begin(let_go: &Arc<Mutex<BTreeMap<SandboxId, usize>>>, id: &SandboxId) -> Self {
        *let_go.lock().unwrap().entry(id.clone()).or_default() += 1;
        Self(Arc::clone(let_go), id.clone())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut let_go = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = let_go.get_mut(&self.1) {
            *count = count.saturating_sub(1);
        }
    }
}
