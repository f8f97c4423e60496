//! The kernel's knowledge by number: the inodes that it looked up, and the files and directories that it
//! opened.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use fuser::{FileAttr, FileHandle, FileType, INodeNo};
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, openat, statat};
use rustix::io::Result;

/// An inode that the kernel knows. It is held open, so its number is not given to another one.
#[derive(Debug)]
pub(super) struct Node {
    place: OwnedFd,
    lookups: AtomicU64,
}

impl Node {
    /// A path that leads to the inode, whatever its name is by now.
    pub(super) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.place.as_raw_fd()).into()
    }

    pub(super) fn attributes(&self) -> Result<FileAttr> {
        attributes(&self.place)
    }
}

impl AsFd for Node {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.place.as_fd()
    }
}

/// The inodes, by the number that both the kernel and the directory behind have for them; the root is 1.
#[derive(Debug)]
pub(super) struct Nodes {
    root: u64,
    known: Mutex<HashMap<u64, Arc<Node>>>,
}

impl Nodes {
    pub(super) fn new(source: &Path) -> Result<Self> {
        let place = openat(CWD, source, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
        let root = statat(&place, "", AtFlags::EMPTY_PATH)?.st_ino;
        let node = Node {
            place,
            lookups: AtomicU64::new(1),
        };
        Ok(Self {
            root,
            known: Mutex::new(HashMap::from([(INodeNo::ROOT.0, Arc::new(node))])),
        })
    }

    pub(super) fn get(&self, number: INodeNo) -> Result<Arc<Node>> {
        let known = self.known.lock().unwrap();
        known
            .get(&number.0)
            .cloned()
            .ok_or(rustix::io::Errno::STALE)
    }

    /// Looks a name up, and counts that the kernel now knows the inode once more.
    pub(super) fn look_up(&self, parent: INodeNo, name: &OsStr) -> Result<FileAttr> {
        let parent = self.get(parent)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let place = openat(&*parent, name, flags, Mode::empty())?;
        let mut attributes = attributes(&place)?;
        if attributes.ino.0 == self.root {
            attributes.ino = INodeNo::ROOT;
        }
        let mut known = self.known.lock().unwrap();
        let node = known.entry(attributes.ino.0).or_insert_with(|| {
            Arc::new(Node {
                place,
                lookups: AtomicU64::new(0),
            })
        });
        node.lookups.fetch_add(1, Ordering::Relaxed);
        Ok(attributes)
    }

    pub(super) fn forget(&self, number: INodeNo, count: u64) {
        let mut known = self.known.lock().unwrap();
        if let Some(node) = known.get(&number.0)
            && number != INodeNo::ROOT
            && node.lookups.fetch_sub(count, Ordering::Relaxed) <= count
        {
            known.remove(&number.0);
        }
    }
}

/// A file that the kernel opened, and the fate of its writes.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) written: AtomicU64,
    pub(super) lost: AtomicBool,
}

/// A name in a listing.
pub(super) type Listed = (u64, FileType, OsString);

/// The open files and directories, by the handles that the kernel was given.
#[derive(Debug, Default)]
pub(super) struct Handles {
    last: AtomicU64,
    files: Mutex<HashMap<u64, Arc<Opened>>>,
    listings: Mutex<HashMap<u64, Vec<Listed>>>,
    once: Mutex<HashSet<(u64, u8)>>,
}

impl Handles {
    pub(super) fn add(&self, file: File) -> FileHandle {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let opened = Opened {
            file,
            written: AtomicU64::new(0),
            lost: AtomicBool::new(false),
        };
        let mut files = self.files.lock().unwrap();
        files.insert(number, Arc::new(opened));
        FileHandle(number)
    }

    pub(super) fn get(&self, handle: FileHandle) -> Result<Arc<Opened>> {
        let files = self.files.lock().unwrap();
        files.get(&handle.0).cloned().ok_or(rustix::io::Errno::BADF)
    }

    pub(super) fn remove(&self, handle: FileHandle) {
        self.files.lock().unwrap().remove(&handle.0);
        self.listings.lock().unwrap().remove(&handle.0);
    }

    pub(super) fn next(&self) -> FileHandle {
        FileHandle(self.last.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns the entries of a listing from a position on. It is read when its beginning is asked for.
    pub(super) fn list(
        &self,
        handle: FileHandle,
        from: u64,
        read: impl FnOnce() -> Result<Vec<Listed>>,
    ) -> Result<Vec<Listed>> {
        let mut listings = self.listings.lock().unwrap();
        if from == 0 {
            listings.insert(handle.0, read()?);
        }
        let all = listings.get(&handle.0).ok_or(rustix::io::Errno::BADF)?;
        Ok(all.iter().skip(from as usize).cloned().collect())
    }

    /// Returns whether this is the first time for an inode and this thing.
    pub(super) fn is_first(&self, node: INodeNo, thing: u8) -> bool {
        self.once.lock().unwrap().insert((node.0, thing))
    }

    pub(super) fn forget_what_was(&self) {
        self.once.lock().unwrap().clear();
    }
}

/// Reads a directory, with `.` and `..`.
pub(super) fn read_dir(node: &Node) -> Result<Vec<Listed>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = openat(CWD, node.path(), flags, Mode::empty())?;
    let mut all = Vec::new();
    for entry in Dir::read_from(&dir)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
        all.push((entry.ino(), kind(entry.file_type()), name));
    }
    Ok(all)
}

fn kind(kind: rustix::fs::FileType) -> FileType {
    use rustix::fs::FileType as Kind;
    match kind {
        Kind::Directory => FileType::Directory,
        Kind::Symlink => FileType::Symlink,
        Kind::Fifo => FileType::NamedPipe,
        Kind::Socket => FileType::Socket,
        Kind::CharacterDevice => FileType::CharDevice,
        Kind::BlockDevice => FileType::BlockDevice,
        _ => FileType::RegularFile,
    }
}

fn attributes(place: impl AsFd) -> Result<FileAttr> {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};
    let stat = statat(place, "", AtFlags::EMPTY_PATH)?;
    let time = |seconds: i64, nanos: u64| -> SystemTime {
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let whole = if seconds < 0 {
            UNIX_EPOCH - whole
        } else {
            UNIX_EPOCH + whole
        };
        whole + Duration::from_nanos(nanos)
    };
    Ok(FileAttr {
        ino: INodeNo(stat.st_ino),
        size: stat.st_size as u64,
        blocks: stat.st_blocks as u64,
        atime: time(stat.st_atime, stat.st_atime_nsec as u64),
        mtime: time(stat.st_mtime, stat.st_mtime_nsec as u64),
        ctime: time(stat.st_ctime, stat.st_ctime_nsec as u64),
        crtime: UNIX_EPOCH,
        kind: kind(rustix::fs::FileType::from_raw_mode(stat.st_mode)),
        perm: (stat.st_mode & 0o7777) as u16,
        nlink: stat.st_nlink as u32,
        uid: stat.st_uid,
        gid: stat.st_gid,
        rdev: stat.st_rdev as u32,
        blksize: 4096,
        flags: 0,
    })
}
