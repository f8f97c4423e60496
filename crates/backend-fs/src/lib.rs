#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod backend;
mod builder;
mod hop;
mod watch;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix::Root;

#[cfg(not(unix))]
mod elsewhere;
#[cfg(not(unix))]
use elsewhere::Root;

pub use backend::FsBackend;
pub use builder::FsBackendBuilder;
