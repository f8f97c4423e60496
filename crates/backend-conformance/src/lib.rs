#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a law that does not hold fails by panicking, as every test does"
)]

mod below;
mod check;
mod harness;
mod law;
mod laws;
mod macros;
mod model;
mod provider;
mod provider_laws;
mod subject;
mod suite;
mod workshop;
mod workspace;

pub(crate) use law::Check;
pub(crate) use macros::registry_of_area;
pub(crate) use workshop::Workshop;
pub(crate) use workspace::Workspace;

pub use below::Below;
pub use law::{Area, Law, Need, areas, law};
pub use laws::read_only::populate;
pub use model::{DEFAULT_SEQUENCES, Model};
pub use provider::{FakeProvider, FakeSandbox, Fault, ProviderCall, Tally};
pub use provider_laws::ProviderSubject;
pub use subject::Subject;
pub use suite::{Report, Suite};

/// What the macros expand to. Not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::harness::{Make, Place, count, make, run};
    pub use crate::provider_laws::run as run_provider_law;

    /// The laws about providers.
    pub mod provider_laws {
        pub use crate::provider_laws::{files, life, names};
    }
}
