#![doc = include_str!("../README.md")]
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
mod subject;
mod workspace;

pub(crate) use macros::registry_of_area;
pub(crate) use workspace::Workspace;

pub use below::Below;
pub use law::{Area, Law, Need, areas, law};
pub use laws::read_only::populate;
pub use model::{DEFAULT_SEQUENCES, Model};
pub use subject::Subject;

/// What the macros expand to. Not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::harness::{Make, count, make, run};
}
