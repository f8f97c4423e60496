//! The server of the faulty file system: receives the kernel's requests and sends the answers.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{BufRead, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Config, Errno, FileHandle, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, Session,
    SessionACL, TimeOrNow, WriteFlags,
};
use rustix::fs::{AtFlags, Mode, OFlags};

use super::Fault;
use super::actions::{Server, errno};
use super::nodes::{Nodes, read_dir};

/// The kernel caches nothing, so that a fault takes effect as soon as it is set.
const TTL: Duration = Duration::ZERO;

/// Mounts the file system and serves it until it is unmounted. The faults come by the standard input.
pub(super) fn serve(source: &Path, at: &Path) {
    rustix::process::umask(Mode::empty());
    let faults = Arc::new(AtomicU64::new(0));
    let server = Server {
        faults: Arc::clone(&faults),
        nodes: Nodes::new(source).unwrap(),
        handles: Arc::default(),
    };
    let handles = Arc::clone(&server.handles);
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::FSName("faulty".to_owned()),
        MountOption::DefaultPermissions,
    ];
    config.acl = SessionACL::All;
    config.n_threads = Some(4);
    let session = Session::new(server, at, &config).unwrap();
    say("mounted");
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let set = line.unwrap().trim().parse().unwrap();
            handles.forget_what_was();
            faults.store(set, Ordering::SeqCst);
            say("set");
        }
    });
    session.run().unwrap();
}

/// Tells the test something.
pub(super) fn say(word: &str) {
    let mut output = std::io::stdout().lock();
    write!(output, "\n{word}\n").unwrap();
    output.flush().unwrap();
}

/// Answers a request with its outcome.
macro_rules! answer {
    ($reply:ident, $outcome:expr, $value:pat => $then:expr) => {
        match $outcome {
            Ok($value) => $then,
            Err(error) => $reply.error(Errno::from_i32(error.raw_os_error())),
        }
    };
}

impl Filesystem for Server {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let entry = self.fail(Fault::Stale, rustix::io::Errno::STALE);
        answer!(reply, entry.and_then(|()| self.entry(parent, name)), attr => {
            reply.entry(&TTL, &attr, Generation(0));
        });
    }

    fn forget(&self, _: &Request, node: INodeNo, count: u64) {
        self.nodes.forget(node, count);
    }

    fn getattr(&self, _: &Request, node: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        answer!(reply, self.look(node), attr => reply.attr(&TTL, &attr));
    }

    fn setattr(
        &self,
        _: &Request,
        node: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let change = || {
            if uid.is_some() || gid.is_some() {
                self.change_owner(node, uid, gid)?;
            }
            if let Some(mode) = mode {
                self.change_mode(node, mode)?;
            }
            if let Some(size) = size {
                self.set_size(node, size)?;
            }
            if atime.is_some() || mtime.is_some() {
                self.set_times(node, atime, mtime)?;
            }
            self.look(node)
        };
        answer!(reply, change(), attr => reply.attr(&TTL, &attr));
    }

    fn readlink(&self, _: &Request, node: INodeNo, reply: ReplyData) {
        let target = self.nodes.get(node);
        let target = target.and_then(|node| rustix::fs::readlinkat(&*node, "", Vec::new()));
        answer!(reply, target, target => reply.data(target.to_bytes()));
    }

    fn mknod(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        device: u32,
        reply: ReplyEntry,
    ) {
        let make = || {
            let kind = rustix::fs::FileType::from_raw_mode(mode);
            let dir = self.nodes.get(parent)?;
            let mode = Mode::from_raw_mode(mode);
            rustix::fs::mknodat(&*dir, name, kind, mode, u64::from(device))?;
            self.entry(parent, name)
        };
        answer!(reply, make(), attr => reply.entry(&TTL, &attr, Generation(0)));
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        let make = || {
            let dir = self.nodes.get(parent)?;
            rustix::fs::mkdirat(&*dir, name, Mode::from_raw_mode(mode))?;
            self.entry(parent, name)
        };
        answer!(reply, make(), attr => reply.entry(&TTL, &attr, Generation(0)));
    }

    fn symlink(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let make = || {
            rustix::fs::symlinkat(target, &*self.nodes.get(parent)?, name)?;
            self.entry(parent, name)
        };
        answer!(reply, make(), attr => reply.entry(&TTL, &attr, Generation(0)));
    }

    fn link(&self, _: &Request, node: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer!(reply, self.link_entry(node, parent, name), attr => {
            reply.entry(&TTL, &attr, Generation(0));
        });
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let fails = || match name.to_string_lossy().contains("bad") {
            true => self.fail(Fault::RemoveFails, rustix::io::Errno::IO),
            false => Ok(()),
        };
        let outcome = fails().and_then(|()| self.remove_entry(parent, name, AtFlags::empty()));
        answer!(reply, outcome, () => reply.ok());
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let outcome = self.remove_entry(parent, name, AtFlags::REMOVEDIR);
        answer!(reply, outcome, () => reply.ok());
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let outcome = self.move_entry((parent, name), (new_parent, new_name), flags);
        answer!(reply, outcome, () => reply.ok());
    }

    fn open(&self, _: &Request, node: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        answer!(reply, self.open_file(node, flags.0), (handle, flags) => reply.opened(handle, flags));
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let create = || {
            let path = self.nodes.get(parent)?.path().join(name);
            let exclusive = OFlags::from_bits_retain(flags as u32).contains(OFlags::EXCL);
            let mut options = OpenOptions::new();
            options.read(true).write(true).mode(mode);
            let options = options.create(!exclusive).create_new(exclusive);
            let file = options.open(path).map_err(errno)?;
            let attributes = self.entry(parent, name)?;
            Ok::<_, rustix::io::Errno>((attributes, self.handles.add(file)))
        };
        answer!(reply, create(), (attr, handle) => {
            reply.created(&TTL, &attr, Generation(0), handle, self.open_flags());
        });
    }

    fn read(
        &self,
        _: &Request,
        node: INodeNo,
        handle: FileHandle,
        at: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        answer!(reply, self.read_file(node, handle, at, size), data => reply.data(&data));
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        at: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        answer!(reply, self.write_file(handle, at, data), written => reply.written(written));
    }

    fn flush(&self, _: &Request, _: INodeNo, handle: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        answer!(reply, self.tell_what_is_lost(handle), () => reply.ok());
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.handles.remove(handle);
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, handle: FileHandle, _: bool, reply: ReplyEmpty) {
        answer!(reply, self.sync(handle), () => reply.ok());
    }

    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(self.handles.next(), FopenFlags::empty());
    }

    fn readdir(
        &self,
        _: &Request,
        node: INodeNo,
        handle: FileHandle,
        from: u64,
        mut reply: ReplyDirectory,
    ) {
        let read = || {
            let mut all = read_dir(&*self.nodes.get(node)?)?;
            if self.has(Fault::NamesTwice) {
                all.extend(all.clone());
            }
            Ok(all)
        };
        answer!(reply, self.handles.list(handle, from, read), entries => {
            for (at, (inode, kind, name)) in (from + 1..).zip(entries) {
                if reply.add(INodeNo(inode), at, kind, name) {
                    break;
                }
            }
            reply.ok();
        });
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.handles.remove(handle);
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, node: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.hang(Fault::DirSyncHangs, || {
            let path = self.nodes.get(node).map(|node| node.path());
            let path = path.map(|path| std::fs::read_link(path).unwrap_or_default());
            path.is_ok_and(|path| path.file_name().is_some_and(|name| name == "slow"))
        });
        let outcome = self.fail(Fault::NoDirSync, rustix::io::Errno::INVAL);
        let outcome = outcome.and_then(|()| self.fail(Fault::DirSyncFails, rustix::io::Errno::IO));
        answer!(reply, outcome, () => reply.ok());
    }

    fn statfs(&self, _: &Request, node: INodeNo, reply: ReplyStatfs) {
        let stat = self
            .nodes
            .get(node)
            .and_then(|node| rustix::fs::statvfs(node.path()));
        answer!(reply, stat, s => reply.statfs(
            s.f_blocks,
            s.f_bfree,
            s.f_bavail,
            s.f_files,
            s.f_ffree,
            s.f_bsize as u32,
            s.f_namemax as u32,
            s.f_frsize as u32,
        ));
    }
}
