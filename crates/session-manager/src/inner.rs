//! What all handles of a manager share: its parts, each with its own state and only the parts below it.
//!
//! What can be requested of a manager (acquire, close, list, clean up, recover, shut down) is written on top of them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use backend_core::{Result, SandboxProvider};

use crate::Clock;
use crate::admission::Admission;
use crate::calendar::Calendar;
use crate::capacity::Capacity;
use crate::cleaner::Cleaner;
use crate::health::Prober;
use crate::latch::Latch;
use crate::orphans::Orphans;
use crate::pool::Pool;
use crate::provisioner::{Provisioner, random};
use crate::records::Records;
use crate::reporter::Reporter;
use crate::settings::Settings;
use crate::start::Starter;
use crate::stop::Stopper;
use crate::store::Store;
use crate::table::Table;
use crate::tasks::Tasks;
use crate::warm::WarmPool;

/// A manager, as its handles share it.
pub(crate) struct Inner<P: SandboxProvider> {
    pub(crate) settings: Settings,
    pub(crate) calendar: Arc<Calendar>,
    pub(crate) capacity: Arc<Capacity>,
    pub(crate) cleaner: Cleaner,
    /// Set when the manager is being shut down.
    pub(crate) closing: Arc<Latch<()>>,
    pub(crate) orphans: Arc<Orphans<P>>,
    pub(crate) prober: Arc<Prober<P>>,
    pub(crate) provisioner: Arc<Provisioner<P>>,
    pub(crate) records: Arc<Records>,
    pub(crate) reporter: Arc<Reporter>,
    pub(crate) starter: Arc<Starter<P>>,
    pub(crate) stopper: Arc<Stopper<P>>,
    pub(crate) table: Arc<Table<P::Sandbox>>,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) warm: Arc<WarmPool<P>>,
}

impl<P: SandboxProvider> Inner<P> {
    /// Puts the parts together, each from those below it.
    pub(crate) fn new(
        provider: P,
        settings: Settings,
        clock: Arc<dyn Clock>,
        store: Option<Store>,
        name: String,
    ) -> Self {
        let mark = store.as_ref().map_or_else(
            || format!("run-{:016x}", random()),
            |store| store.manager().to_owned(),
        );
        let calendar = Arc::new(Calendar::new(clock));
        let capacity = Capacity::new(
            settings.max_resident,
            settings.max_open,
            settings.max_per_tenant,
        );
        let closing: Arc<Latch<()>> = Arc::default();
        let tasks: Arc<Tasks> = Arc::default();
        let reporter = Arc::new(Reporter::new(settings.events));
        let records = Records::new(store, settings.inline.is_some(), Arc::clone(&reporter));
        let records = Arc::new(records);
        let table = Arc::new(Table::new(records.keeps_files()));
        let provisioner = Provisioner::new(provider, &settings, mark, name, Arc::clone(&closing));
        let provisioner = Arc::new(provisioner);
        let orphans = Arc::new(Orphans::new(
            Arc::clone(&provisioner),
            Arc::clone(&records),
            Arc::clone(&reporter),
            Arc::clone(&tasks),
            settings.stop_attempts,
        ));
        let stopper = Arc::new(Stopper {
            attempts: settings.stop_attempts,
            calendar: Arc::clone(&calendar),
            orphans: Arc::clone(&orphans),
            provisioner: Arc::clone(&provisioner),
            records: Arc::clone(&records),
            reporter: Arc::clone(&reporter),
            table: Arc::clone(&table),
            tasks: Arc::clone(&tasks),
        });
        let prober = Arc::new(Prober {
            probe_after: settings.probe_after,
            probe_timeout: settings.probe_timeout,
            calendar: Arc::clone(&calendar),
            provisioner: Arc::clone(&provisioner),
            records: Arc::clone(&records),
            reporter: Arc::clone(&reporter),
            stopper: Arc::clone(&stopper),
        });
        let warm = Arc::new(WarmPool {
            pool: Mutex::new(Pool::new(&settings.warm)),
            calendar: Arc::clone(&calendar),
            capacity: Arc::clone(&capacity),
            orphans: Arc::clone(&orphans),
            provisioner: Arc::clone(&provisioner),
            records: Arc::clone(&records),
            reporter: Arc::clone(&reporter),
            tasks: Arc::clone(&tasks),
        });
        let admission = Arc::new(Admission {
            eviction: settings.eviction,
            calendar: Arc::clone(&calendar),
            capacity: Arc::clone(&capacity),
            orphans: Arc::clone(&orphans),
            prober: Arc::clone(&prober),
            provisioner: Arc::clone(&provisioner),
            stopper: Arc::clone(&stopper),
            table: Arc::clone(&table),
            warm: Arc::clone(&warm),
        });
        let starter = Arc::new(Starter {
            admission,
            calendar: Arc::clone(&calendar),
            orphans: Arc::clone(&orphans),
            provisioner: Arc::clone(&provisioner),
            records: Arc::clone(&records),
            reporter: Arc::clone(&reporter),
            stopper: Arc::clone(&stopper),
            table: Arc::clone(&table),
            tasks: Arc::clone(&tasks),
            warm: Arc::clone(&warm),
        });
        Self {
            settings,
            calendar,
            capacity,
            cleaner: Cleaner::default(),
            closing,
            orphans,
            prober,
            provisioner,
            records,
            reporter,
            starter,
            stopper,
            table,
            tasks,
            warm,
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
