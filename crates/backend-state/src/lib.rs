#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backend;
mod builder;
mod directory;
mod document;
mod limits;
mod namespaces;
mod search;
mod store;
mod time;
mod tree;
mod versions;

pub use backend::StateBackend;
pub use builder::StateBackendBuilder;
pub use document::{Document, DocumentError};
pub use limits::{Limits, Usage};
pub use namespaces::StateNamespaces;
