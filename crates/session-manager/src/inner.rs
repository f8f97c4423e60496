//! What all handles of a manager share: its parts, each with its own state.
//!
//! The parts know nothing of each other but those they are made of. What a session goes through (acquire, start, stop, cleanup)
//! is written on top of them, each in its own file.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use backend_core::{Result, SandboxProvider};

use crate::Clock;
use crate::calendar::Calendar;
use crate::capacity::Capacity;
use crate::cleaner::Cleaner;
use crate::latch::Latch;
use crate::orphans::Orphans;
use crate::pool::Pool;
use crate::provisioner::{Provisioner, random};
use crate::records::Records;
use crate::reporter::Reporter;
use crate::settings::Settings;
use crate::store::Store;
use crate::table::Table;
use crate::tasks::Tasks;

/// A manager, as its handles share it.
pub(crate) struct Inner<P: SandboxProvider> {
    pub(crate) settings: Settings,
    pub(crate) calendar: Calendar,
    pub(crate) capacity: Arc<Capacity>,
    pub(crate) cleaner: Cleaner,
    pub(crate) orphans: Arc<Orphans<P>>,
    pub(crate) pool: Mutex<Pool<P::Sandbox>>,
    pub(crate) provisioner: Arc<Provisioner<P>>,
    pub(crate) records: Arc<Records>,
    pub(crate) reporter: Arc<Reporter>,
    pub(crate) table: Arc<Table<P::Sandbox>>,
    pub(crate) tasks: Arc<Tasks>,
    /// Set when the manager is being shut down.
    pub(crate) closing: Arc<Latch<()>>,
}

impl<P: SandboxProvider> Inner<P> {
    pub(crate) fn new(
        provider: P,
        settings: Settings,
        clock: Arc<dyn Clock>,
        store: Option<Store>,
        name: String,
    ) -> Self {
        let capacity = Capacity::new(
            settings.max_resident,
            settings.max_open,
            settings.max_per_tenant,
        );
        let mark = store.as_ref().map_or_else(
            || format!("run-{:016x}", random()),
            |store| store.manager().to_owned(),
        );
        let closing: Arc<Latch<()>> = Arc::default();
        let tasks: Arc<Tasks> = Arc::default();
        let reporter = Arc::new(Reporter::new(settings.events));
        let records = Records::new(store, settings.inline.is_some(), Arc::clone(&reporter));
        let records = Arc::new(records);
        let provisioner = Provisioner::new(provider, &settings, mark, name, Arc::clone(&closing));
        let provisioner = Arc::new(provisioner);
        let orphans = Orphans::new(
            Arc::clone(&provisioner),
            Arc::clone(&records),
            Arc::clone(&reporter),
            Arc::clone(&tasks),
            settings.stop_attempts,
        );
        Self {
            calendar: Calendar::new(clock),
            cleaner: Cleaner::default(),
            capacity,
            orphans: Arc::new(orphans),
            pool: Mutex::new(Pool::new(&settings.warm)),
            table: Arc::new(Table::new(records.keeps_files())),
            provisioner,
            records,
            reporter,
            tasks,
            closing,
            settings,
        }
    }

    /// Returns whether a session's files outlive its sandbox.
    pub(crate) fn keeps_files(&self) -> bool {
        self.records.keeps_files()
    }

    pub(crate) fn now(&self) -> Duration {
        self.calendar.now()
    }

    /// Returns the date of a moment, as it is stored.
    pub(crate) fn date(&self, moment: Duration) -> SystemTime {
        self.calendar.date(moment)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get().is_some()
    }

    /// Waits until the manager is being shut down.
    pub(crate) async fn closed(&self) {
        self.closing.wait().await;
    }

    /// Uses the store on a thread that may block.
    pub(crate) async fn disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.records.disk(work).await
    }

    /// Stops everything abruptly, as the end of the process would.
    #[cfg(test)]
    pub(crate) fn crash(&self) {
        self.closing.set(());
        self.cleaner.stop();
        self.tasks.abort();
        self.records.unlock();
    }
}
