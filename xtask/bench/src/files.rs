//! A directory of the real file system: `backend-fs` against ripgrep, fd, sed, the standard library and the original.

mod changes;
mod globs;
mod greps;
mod reads;

use backend_core::{Backend as _, GrepRequest};
use backend_fs::FsBackend;

use crate::options::Options;
use crate::table::Table;
use crate::tree;

pub(crate) async fn run(options: &Options, table: &mut Table) {
    let scratch = tempfile::tempdir_in(&options.scratch).unwrap();
    let tree = tree::find_or_make(options, scratch.path());
    let files = FsBackend::open(&tree).unwrap();
    greps::run(options, table, &tree, &files).await;
    globs::run(options, table, &tree, &files).await;
    reads::run(options, table, scratch.path()).await;
    changes::run(options, table, scratch.path()).await;
}

/// Searches once, while the parent process samples this one's memory.
pub(crate) async fn once(options: &Options) {
    let files = FsBackend::open(options.tree.as_ref().expect("a tree is missing")).unwrap();
    let request = GrepRequest::new(options.pattern.as_str()).limit(greps::ALL);
    let found = files.grep_with(&request).await.unwrap();
    println!("{}", found.matches.len());
}
