//! The backend on Unix: blocking, on handles, one module an operation.
//!
//! A path is resolved by cap-std to an open directory and one name in it ([`place`]); everything after that
//! names the entry by these two, with links not followed. So no operation can leave the root, whatever is
//! swapped meanwhile.

mod cached;
mod chroot;
mod delete;
mod descent;
mod edit;
mod fault;
mod full;
mod leftovers;
mod list;
mod lock;
mod ls;
mod meta;
mod mkdir;
mod names;
mod open;
mod place;
mod read;
mod read_bytes;
mod real;
mod removal;
mod rename;
mod replace;
mod resolve;
mod retry;
mod root;
mod search;
mod stat;
mod stuck;
mod sys;
mod temp;
mod write;

pub(crate) use root::Root;
