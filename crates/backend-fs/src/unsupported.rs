//! The backend on platforms other than Unix: opening it is `unsupported`.

use std::path::Path;

use backend_core::search::{PartialGlob, PartialGrep};
use backend_core::{
    Content, DeleteRequest, Deleted, EditRequest, Edited, Entry, Error, GlobRequest, GrepRequest,
    Grepped, LsRequest, MadeDirectory, MkdirRequest, Page, ReadBytesRequest, ReadRequest,
    RenameRequest, Renamed, ResolveRequest, Resolved, Result, StatRequest, TextPage, WriteRequest,
    Written,
};

use crate::Durability;
use crate::blocking::SearchTask;
use crate::builder::Options;

/// A root that cannot exist.
#[derive(Debug)]
pub(crate) enum Root {}

macro_rules! never {
    ($($operation:ident($($request:ty),*) -> $outcome:ty;)*) => {$(
        pub(crate) fn $operation(&self, $(_: $request),*) -> $outcome {
            match *self {}
        }
    )*};
}

impl Root {
    pub(crate) fn open(_dir: &Path, options: Options) -> Result<Self> {
        // Each of them would have a meaning if there were a root.
        let Options {
            create_root: _,
            read_only: _,
            durability: _,
            links_within_root: _,
        } = options;
        Err(Error::unsupported("a file system backend on this platform"))
    }

    never! {
        is_read_only() -> bool;
        durability() -> Durability;
        stat(&StatRequest) -> Result<Entry>;
        stat_cached(&StatRequest) -> Option<Result<Entry>>;
        read_cached(&ReadRequest) -> Option<Result<TextPage>>;
        read_bytes_cached(&ReadBytesRequest) -> Option<Result<Content>>;
        resolve(&ResolveRequest) -> Result<Resolved>;
        ls(&LsRequest) -> Result<Page<Entry>>;
        read(&ReadRequest) -> Result<TextPage>;
        read_bytes(&ReadBytesRequest) -> Result<Content>;
        write(&WriteRequest) -> Result<Written>;
        edit(&EditRequest) -> Result<Edited>;
        delete(&DeleteRequest) -> Result<Deleted>;
        rename(&RenameRequest) -> Result<Renamed>;
        mkdir(&MkdirRequest) -> Result<MadeDirectory>;
        glob(&GlobRequest, &SearchTask, &PartialGlob) -> Result<Page<Entry>>;
        grep(&GrepRequest, &SearchTask, &PartialGrep) -> Result<Grepped>;
        remove_leftovers() -> Result<u64>;
    }
}
