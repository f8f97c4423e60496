//! The search engine: one glob and one grep for every backend.
//!
//! A backend shows its files as a [`Tree`]; [`glob`](glob()) and [`grep`](grep()) walk it. Only this module decides
//! what matches, what is skipped and what is counted, so all backends agree. It does no I/O of its own and is not async: a
//! blocking backend calls it where blocking is allowed, and stops it through a [`Cancel`].

mod cancel;
mod cut;
mod engine;
mod filter;
mod glob;
mod grep;
mod hidden;
mod looks;
mod matcher;
mod parallel;
mod partial;
mod path_glob;
mod pattern;
mod rules;
mod segment;
mod sink;
mod source;
mod spans;
mod tally;
mod tree;
mod types;
mod walk;
mod wide;

pub use cancel::Cancel;
pub use glob::{glob, glob_into};
pub use grep::{grep, grep_into};
pub use hidden::Hidden;
pub use partial::{PartialGlob, PartialGrep};
pub use path_glob::{PathGlob, Reach};
pub use tree::{Base, Child, Children, Opened, Tree};

#[cfg(test)]
mod tests;
