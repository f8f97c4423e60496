#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod builder;
mod container;
mod copy;
mod digest;
mod engine;
mod find;
mod guest;
mod image;
mod keyed_mutex;
mod labels;
mod layout;
mod link;
mod listing;
mod liveness;
mod options;
mod owner;
mod packages;
mod provider;
mod reap;
mod sandbox;
mod settings;
mod start;
mod stream;
mod volume;
mod work_dir_owner;

pub use builder::DockerSandboxBuilder;
pub use copy::Copied;
pub use engine::Engine;
pub use image::{
    BuildFailure, BuildOptions, DEFAULT_BUILD_TIMEOUT, ImageProgress, Images, PullPolicy,
};
pub use options::{Access, Hardening, Lifetime, Network};
pub use provider::{DockerProvider, DockerProviderBuilder};
pub use reap::Reaped;
pub use sandbox::{DockerSandbox, Stats};
pub use settings::{DEFAULT_CPUS, DEFAULT_LEASE, DEFAULT_MEMORY_BYTES, DEFAULT_PIDS};
