//! What the server of the faulty file system does at each request, unless a fault says otherwise.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{FileAttr, FileHandle, FileType, FopenFlags, INodeNo, RenameFlags, TimeOrNow};
use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use rustix::io::Result;

use super::nodes::{Handles, Nodes};
use super::server::say;
use super::{Fault, Faults};

/// How many bytes of a file fit when space is short.
const SPACE: u64 = 100_000;

/// The directory behind, the kernel's knowledge of it, and the faults.
pub(super) struct Server {
    pub(super) faults: Arc<AtomicU64>,
    pub(super) nodes: Nodes,
    pub(super) handles: Arc<Handles>,
}

impl Server {
    pub(super) fn has(&self, fault: Fault) -> bool {
        Faults(self.faults.load(Ordering::SeqCst)).has(fault)
    }

    pub(super) fn fail(&self, fault: Fault, error: rustix::io::Errno) -> Result<()> {
        if self.has(Fault::Stale) {
            return Err(rustix::io::Errno::STALE);
        }
        if self.has(fault) { Err(error) } else { Ok(()) }
    }

    pub(super) fn fail_once(
        &self,
        fault: Fault,
        node: INodeNo,
        error: rustix::io::Errno,
    ) -> Result<()> {
        if self.has(fault) && self.handles.is_first(node, fault as u8) {
            return Err(error);
        }
        Ok(())
    }

    pub(super) fn hang(&self, fault: Fault, when: impl FnOnce() -> bool) {
        if self.has(fault) && when() {
            say("hangs");
            while self.has(fault) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// Falsifies the attributes of a file.
    pub(super) fn shown(&self, mut attributes: FileAttr) -> FileAttr {
        let is_file = attributes.kind == FileType::RegularFile;
        if self.has(Fault::NoLinkCount) {
            attributes.nlink = 0;
        }
        if is_file && self.has(Fault::SizePage) {
            attributes.size = 4096;
        }
        if is_file && (self.has(Fault::SizeZero) || self.has(Fault::Endless)) {
            attributes.size = 0;
        }
        if self.has(Fault::NoModes) {
            attributes.perm = 0;
        }
        if self.has(Fault::WholeSeconds) {
            for time in [
                &mut attributes.mtime,
                &mut attributes.ctime,
                &mut attributes.atime,
            ] {
                *time = whole_seconds(*time);
            }
        }
        attributes
    }

    pub(super) fn entry(&self, parent: INodeNo, name: &OsStr) -> Result<FileAttr> {
        if name.to_string_lossy().contains("bad") {
            self.fail(Fault::BadEntry, rustix::io::Errno::IO)?;
        }
        self.hang(Fault::LookHangs, || name.to_string_lossy().contains("slow"));
        Ok(self.shown(self.nodes.look_up(parent, name)?))
    }

    pub(super) fn look(&self, number: INodeNo) -> Result<FileAttr> {
        let mut shown = self.shown(self.nodes.get(number)?.attributes()?);
        if self.has(Fault::RandomInodes) {
            shown.ino = INodeNo(random());
        }
        Ok(shown)
    }

    pub(super) fn change_owner(
        &self,
        number: INodeNo,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Result<()> {
        self.may_change_mode()?;
        let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
        let node = self.nodes.get(number)?;
        rustix::fs::chownat(&*node, "", uid, gid, AtFlags::EMPTY_PATH)
    }

    pub(super) fn may_change_mode(&self) -> Result<()> {
        self.fail(Fault::NoChmod, rustix::io::Errno::NOSYS)?;
        self.fail(Fault::ChmodDenied, rustix::io::Errno::PERM)
    }

    pub(super) fn change_mode(&self, number: INodeNo, mode: u32) -> Result<()> {
        self.may_change_mode()?;
        if self.has(Fault::ChmodIgnored) {
            return Ok(());
        }
        rustix::fs::chmod(self.nodes.get(number)?.path(), Mode::from_raw_mode(mode))
    }

    pub(super) fn open_file(
        &self,
        number: INodeNo,
        flags: i32,
    ) -> Result<(FileHandle, FopenFlags)> {
        self.fail_once(Fault::OpenInterrupted, number, rustix::io::Errno::INTR)?;
        self.fail_once(Fault::OpenStale, number, rustix::io::Errno::STALE)?;
        let flags = OFlags::from_bits_retain(flags as u32);
        let flags = flags - OFlags::NONBLOCK - OFlags::NOFOLLOW - OFlags::APPEND;
        let path = self.nodes.get(number)?.path();
        let file = rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty())?;
        Ok((self.handles.add(file.into()), self.open_flags()))
    }

    /// With wrong sizes or short answers, the page cache of the kernel must not be used.
    pub(super) fn open_flags(&self) -> FopenFlags {
        let direct = [
            Fault::SizeZero,
            Fault::SizePage,
            Fault::ShortReads,
            Fault::ShortWrites,
            Fault::Endless,
            Fault::ReadHangs,
        ];
        if direct.iter().any(|fault| self.has(*fault)) {
            FopenFlags::FOPEN_DIRECT_IO
        } else {
            FopenFlags::empty()
        }
    }

    pub(super) fn read_file(
        &self,
        node: INodeNo,
        handle: FileHandle,
        at: u64,
        size: u32,
    ) -> Result<Vec<u8>> {
        self.fail_once(Fault::ReadInterrupted, node, rustix::io::Errno::INTR)?;
        if at + u64::from(size) > 128 << 10 {
            self.fail(Fault::ReadFails, rustix::io::Errno::IO)?;
        }
        let opened = self.handles.get(handle)?;
        let begins_with = |word: &str| {
            let mut start = vec![0; word.len()];
            opened.file.read_at(&mut start, 0).is_ok() && start == word.as_bytes()
        };
        if self.has(Fault::Endless) && begins_with("endless") {
            return Ok(b"yes\n".repeat(size as usize / 4));
        }
        self.hang(Fault::ReadHangs, || begins_with("slow"));
        let short = self.has(Fault::ShortReads);
        let size = if short { (size / 3).max(1) } else { size };
        let mut buffer = vec![0; size as usize];
        let mut filled = 0;
        while filled < buffer.len() {
            let read = opened
                .file
                .read_at(&mut buffer[filled..], at + filled as u64);
            match read.map_err(errno)? {
                0 => break,
                more => filled += more,
            }
        }
        buffer.truncate(filled);
        Ok(buffer)
    }

    pub(super) fn write_file(&self, handle: FileHandle, at: u64, data: &[u8]) -> Result<u32> {
        let opened = self.handles.get(handle)?;
        let total = opened.written.load(Ordering::Relaxed) + data.len() as u64;
        if total > SPACE {
            self.fail(Fault::DiskFull, rustix::io::Errno::NOSPC)?;
            if self.has(Fault::LostAtClose) {
                opened.lost.store(true, Ordering::Relaxed);
                return Ok(data.len() as u32);
            }
        }
        let half = self.has(Fault::ShortWrites) && data.len() > 1;
        let data = if half { &data[..data.len() / 2] } else { data };
        opened.file.write_all_at(data, at).map_err(errno)?;
        opened
            .written
            .fetch_add(data.len() as u64, Ordering::Relaxed);
        Ok(data.len() as u32)
    }

    pub(super) fn tell_what_is_lost(&self, handle: FileHandle) -> Result<()> {
        if self.handles.get(handle)?.lost.load(Ordering::Relaxed) {
            return Err(rustix::io::Errno::NOSPC);
        }
        Ok(())
    }

    pub(super) fn sync(&self, handle: FileHandle) -> Result<()> {
        self.fail(Fault::NoSync, rustix::io::Errno::INVAL)?;
        self.fail(Fault::SyncFails, rustix::io::Errno::IO)?;
        self.tell_what_is_lost(handle)?;
        self.handles.get(handle)?.file.sync_all().map_err(errno)
    }

    pub(super) fn remove_entry(&self, parent: INodeNo, name: &OsStr, flags: AtFlags) -> Result<()> {
        let dir = self.nodes.get(parent)?;
        self.hang(Fault::RemovalHangs, || {
            name.to_string_lossy().contains("slow")
        });
        rustix::fs::unlinkat(&*dir, name, flags)
    }

    pub(super) fn move_entry(
        &self,
        from: (INodeNo, &OsStr),
        to: (INodeNo, &OsStr),
        flags: RenameFlags,
    ) -> Result<()> {
        let flags = rustix::fs::RenameFlags::from_bits_retain(flags.bits());
        if !flags.is_empty() {
            self.fail(Fault::NoRenameFlags, rustix::io::Errno::INVAL)?;
        }
        let (old, new) = (self.nodes.get(from.0)?, self.nodes.get(to.0)?);
        if rustix::fs::statat(&*new, to.1, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            self.fail(Fault::NoClobber, rustix::io::Errno::EXIST)?;
        }
        self.fail(Fault::RenameFails, rustix::io::Errno::IO)?;
        rustix::fs::renameat_with(&*old, from.1, &*new, to.1, flags)
    }

    pub(super) fn link_entry(
        &self,
        node: INodeNo,
        parent: INodeNo,
        name: &OsStr,
    ) -> Result<FileAttr> {
        self.fail(Fault::NoLinks, rustix::io::Errno::NOSYS)?;
        let (node, dir) = (self.nodes.get(node)?, self.nodes.get(parent)?);
        rustix::fs::linkat(CWD, node.path(), &*dir, name, AtFlags::SYMLINK_FOLLOW)?;
        self.entry(parent, name)
    }

    pub(super) fn set_times(
        &self,
        number: INodeNo,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
    ) -> Result<()> {
        let times = Timestamps {
            last_access: timespec(atime),
            last_modification: timespec(mtime),
        };
        let path = self.nodes.get(number)?.path();
        rustix::fs::utimensat(CWD, path, &times, AtFlags::empty())
    }

    pub(super) fn set_size(&self, number: INodeNo, size: u64) -> Result<()> {
        let path = self.nodes.get(number)?.path();
        let file = OpenOptions::new().write(true).open(path).map_err(errno)?;
        file.set_len(size).map_err(errno)
    }
}

pub(super) fn errno(error: std::io::Error) -> rustix::io::Errno {
    rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO)
}

fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

fn timespec(time: Option<TimeOrNow>) -> Timespec {
    let (tv_sec, tv_nsec) = match time {
        None => (0, rustix::fs::UTIME_OMIT),
        Some(TimeOrNow::Now) => (0, rustix::fs::UTIME_NOW),
        Some(TimeOrNow::SpecificTime(time)) => {
            let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            (since.as_secs() as i64, i64::from(since.subsec_nanos()))
        }
    };
    Timespec { tv_sec, tv_nsec }
}

/// Returns an inode number that was not returned before.
fn random() -> u64 {
    let mut bytes = [0; 8];
    let source = fs::File::open("/dev/urandom").unwrap();
    source.read_exact_at(&mut bytes, 0).unwrap();
    u64::from_le_bytes(bytes) >> 24 | 1 << 39
}
