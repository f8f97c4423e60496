#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod cli;
mod command;
mod context;
mod copy;
mod directory;
mod doctor;
mod exit;
mod failure;
mod help;
mod host;
mod json;
mod notes;
mod out;
mod palette;
mod parse;
mod run;
mod time;
mod workspace;

pub use cli::command;
pub use run::main;
