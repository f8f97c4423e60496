//! The search engine: one glob and one grep for every backend.
//!
//! A backend shows its files as a [`Tree`]; [`glob`](glob()) and [`grep`](grep()) walk it. Only this module decides
//! what matches, what is skipped and what is counted, so all backends agree. It does no I/O of its own and is not async: a
//! blocking backend calls it where blocking is allowed, and stops it through a [`Cancel`].
//!
//! The feature `glob` has only the globs ([`PathGlob`], [`Hidden`]), for what judges paths; `search` has everything.

#[cfg_attr(
    not(feature = "search"),
    allow(dead_code, reason = "walks use the rest")
)]
mod filter;
mod hidden;
mod path_glob;
#[cfg_attr(
    not(feature = "search"),
    allow(dead_code, reason = "walks use the rest")
)]
mod pattern;
#[cfg_attr(
    not(feature = "search"),
    allow(dead_code, reason = "walks use the rest")
)]
mod segment;
#[cfg_attr(
    not(feature = "search"),
    allow(dead_code, reason = "walks use the rest")
)]
mod types;

#[cfg(feature = "search")]
mod cancel;
#[cfg(feature = "search")]
mod engine;
#[cfg(feature = "search")]
mod glob;
#[cfg(feature = "search")]
mod grep;
#[cfg(feature = "search")]
mod matcher;
#[cfg(feature = "search")]
mod multiline;
#[cfg(feature = "search")]
mod parallel;
#[cfg(feature = "search")]
mod partial;
#[cfg(feature = "search")]
mod rules;
#[cfg(feature = "search")]
mod sink;
#[cfg(feature = "search")]
mod source;
#[cfg(feature = "search")]
mod stat_pool;
#[cfg(feature = "search")]
mod tally;
#[cfg(feature = "search")]
mod tree;
#[cfg(feature = "search")]
mod truncate;
#[cfg(feature = "search")]
mod utf16;
#[cfg(feature = "search")]
mod walk;

pub use hidden::Hidden;
pub use path_glob::{Coverage, PathGlob};

#[cfg(feature = "search")]
pub use cancel::Cancel;
#[cfg(feature = "search")]
pub use glob::{glob, glob_into};
#[cfg(feature = "search")]
pub use grep::{grep, grep_into};
#[cfg(feature = "search")]
pub use partial::{PartialGlob, PartialGrep};
#[cfg(feature = "search")]
pub use tree::{Base, Child, Children, Opened, Tree};

#[cfg(feature = "search")]
#[cfg(test)]
mod tests;
