#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backend;
mod batch;
mod builder;
mod composite;
mod copy;
mod fan_out;
mod glob;
mod grep;
mod listing;
mod outward;
mod rename;
mod routes;
mod sandbox;
mod shadow;
mod skeleton;

pub use builder::CompositeBuilder;
pub use composite::CompositeBackend;
