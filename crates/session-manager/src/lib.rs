#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod access;
mod acquire;
mod admission;
mod builder;
mod calendar;
mod capacity;
mod cleaner;
mod cleanup;
mod clock;
mod close;
mod entry;
mod errors;
mod event;
mod guard;
mod guarded;
mod health;
mod info;
mod inner;
mod labels;
mod latch;
mod launch;
mod listing;
mod lock;
mod manager;
mod options;
mod orphans;
mod phase;
mod pool;
mod provisioner;
mod reach;
mod records;
mod recover;
mod reporter;
mod revive;
mod root;
mod running;
mod session;
mod settings;
mod shutdown;
#[cfg(test)]
mod simulation;
mod single_flight;
mod start;
mod stop;
mod store;
mod sweep;
mod table;
mod tasks;
mod warm;

pub use builder::SessionManagerBuilder;
pub use clock::{Clock, TokioClock};
pub use event::{Cause, Event, EventKind, Events};
pub use info::{
    Cleaned, ListSessions, Recovered, SessionInfo, SessionPage, SessionState, ShutdownReport, Stats,
};
pub use manager::SessionManager;
pub use options::{IntoSessionId, SessionOptions};
pub use root::WorkspaceRoot;
pub use session::Session;
pub use settings::Eviction;

/// Runs the examples of the workspace's README; this crate has every dependency they need.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct WorkspaceReadme;
