//! The backend on Unix: blocking, on handles, one module per operation.
//!
//! A path is resolved by cap-std to an open directory and one name in it ([`place`]); every later step
//! names the entry by these two, without following links. So no operation can leave the root, even if
//! something is swapped meanwhile.

mod acl;
mod attributes;
mod cached;
mod calls;
mod chroot;
mod created_dirs;
mod delete;
mod descent;
mod edit;
mod entries;
mod fault;
mod flush;
mod following;
mod installed_copy;
mod leftovers;
mod list;
mod lock;
mod ls;
mod meta;
mod mkdir;
mod move_by_copy;
mod names;
mod open;
mod place;
mod preserved;
mod quota;
mod read;
mod read_bytes;
mod realpath;
mod removal;
mod remove_error;
mod rename;
mod replace;
mod resolve;
mod retry;
mod root;
mod search;
mod spelling;
mod staging;
mod stat;
mod sys;
mod temp;
mod tree_copy;
mod tree_move;
mod tree_source;
mod write;

pub(crate) use root::Root;
