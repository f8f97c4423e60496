#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

mod backend;
mod builder;
mod durability;
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
pub use durability::Durability;
