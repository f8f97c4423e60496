#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

mod builder;
mod files;
mod limit;
mod sandbox;

#[cfg(target_os = "linux")]
mod claim;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod provider;
#[cfg(target_os = "linux")]
use linux::Engine;

#[cfg(not(target_os = "linux"))]
mod unsupported;
#[cfg(not(target_os = "linux"))]
use unsupported::Engine;

pub use builder::LocalSandboxBuilder;
pub use limit::Resource;
#[cfg(target_os = "linux")]
pub use provider::LocalProvider;
pub use sandbox::LocalSandbox;
