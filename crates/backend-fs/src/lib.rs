#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

mod backend;
mod blocking;
mod builder;
mod watchdog;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix::Root;

#[cfg(not(unix))]
mod unsupported;
#[cfg(not(unix))]
use unsupported::Root;

pub use backend::FsBackend;
/// What a power loss can lose. See [`FsBackendBuilder::durability`].
pub use backend_core::Durability;
pub use builder::FsBackendBuilder;
