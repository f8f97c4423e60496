#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod action;
mod ask;
mod command;
mod guarded;
mod operation;
mod pattern;
mod permissions;
mod policy;
mod preset;
mod rule;

pub use action::Action;
pub use ask::{Answer, Approver, Ask, DEFAULT_ANSWER_TIMEOUT, MAX_SHOWN_ASKS, Question};
pub use command::CommandPattern;
pub use guarded::{Guarded, MAX_CHECKED_ENTRIES};
pub use operation::{Method, Operation};
pub use pattern::PathPattern;
pub use permissions::Permissions;
pub use preset::Preset;
pub use rule::Rule;
