//! Other systems than Unix: a workspace root is `unsupported`.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

fn unsupported<T>() -> io::Result<T> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn lock(_: &Path) -> io::Result<Option<File>> {
    unsupported()
}

pub(super) fn is_locked(_: &Path) -> io::Result<bool> {
    unsupported()
}

pub(super) fn lock_dir(_: &Path) -> io::Result<Option<File>> {
    unsupported()
}

pub(super) fn is_dir_locked(_: &Path) -> io::Result<bool> {
    unsupported()
}

pub(super) fn unlock(_: &File) {}

pub(super) fn leads_to(_: &Path, _: &File) -> io::Result<bool> {
    unsupported()
}

pub(super) fn inode(_: &Metadata) -> u64 {
    0
}

pub(super) fn device(_: &Metadata) -> u64 {
    0
}

pub(super) fn private_dir(_: &Path) -> io::Result<()> {
    unsupported()
}

pub(super) fn open_dir(_: &Path) -> io::Result<()> {
    unsupported()
}

pub(super) fn open_regular(_: &Path) -> io::Result<File> {
    unsupported()
}

pub(super) fn create_private(_: &Path) -> io::Result<File> {
    unsupported()
}

pub(super) fn rename_new(_: &Path, _: &Path) -> io::Result<()> {
    unsupported()
}

pub(super) fn remove_tree(_: &Path, _: &Path) -> io::Result<()> {
    unsupported()
}

pub(super) fn empty(_: &Path) -> io::Result<()> {
    unsupported()
}
