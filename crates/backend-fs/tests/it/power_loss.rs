//! Power losses: the state of a disk at some moment, while files are written, is mounted and checked.
//!
//! A copy of the image below the mount is what a disk would have after a loss of power: data that the system has not
//! written yet is missing. Before most copies the journal is written, by a flush of another file: then a rename is on
//! the disk, but the content of the file only if it was flushed.

mod check;
mod plan;
mod worker;

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::fs::{SeekFrom as Part, seek};
use rustix::process::{Pid, Signal, kill_process};

use crate::disks::{Mount, alone, image, long, tell};
use crate::support::child;
use check::{Window, check};
use plan::{Random, World};

/// How a worker writes, which determines what may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// As the backend does by default: existing content survives.
    Content,
    /// Everything confirmed survives.
    Full,
    /// A temporary file, and a rename over the old one, as many programs do it: the control.
    Naive,
}

/// A file system, and how a copy of it is mounted beside it.
struct Disk {
    size: u64,
    make: &'static [&'static str],
    options: &'static str,
}

/// Without ext4's heuristics for programs that rename without a flush.
const EXT4: Disk = Disk {
    size: 64,
    make: &[
        "mkfs.ext4",
        "-q",
        "-F",
        "-E",
        "lazy_itable_init=0,lazy_journal_init=0",
    ],
    options: "loop,noauto_da_alloc",
};

const XFS: Disk = Disk {
    size: 320,
    make: &["mkfs.xfs", "-q"],
    options: "loop,nouuid",
};

const TOOLS: &[&str] = &["mkfs.ext4", "mkfs.xfs", "/dev/loop-control"];

/// How many moments are checked: of 200 in total, if there is time.
fn cuts(of_all: usize) -> usize {
    if long() { of_all } else { of_all / 10 }
}

#[test]
fn on_ext4_existing_content_survives() {
    alone(TOOLS, |dir| {
        let losses = cut(dir, &EXT4, How::Content, cuts(60));
        assert!(losses.is_empty(), "{losses:#?}");
    });
}

#[test]
fn on_xfs_existing_content_survives() {
    alone(TOOLS, |dir| {
        let losses = cut(dir, &XFS, How::Content, cuts(60));
        assert!(losses.is_empty(), "{losses:#?}");
    });
}

#[test]
fn on_ext4_everything_confirmed_survives_if_requested() {
    alone(TOOLS, |dir| {
        let losses = cut(dir, &EXT4, How::Full, cuts(40));
        assert!(losses.is_empty(), "{losses:#?}");
    });
}

#[test]
fn on_xfs_everything_confirmed_survives_if_requested() {
    alone(TOOLS, |dir| {
        let losses = cut(dir, &XFS, How::Full, cuts(40));
        assert!(losses.is_empty(), "{losses:#?}");
    });
}

#[test]
fn a_naive_writer_loses_existing_content() {
    alone(TOOLS, |dir| {
        for (name, disk) in [("ext4", &EXT4), ("xfs", &XFS)] {
            let dir = dir.join(name);
            fs::create_dir(&dir).unwrap();
            let losses = cut(&dir, disk, How::Naive, 10);
            let empty = losses.iter().filter(|loss| loss.contains("0 bytes"));
            assert!(empty.count() > 0, "{name}: the test sees no loss");
        }
    });
}

/// Cuts the power at moments of the work on a disk, and returns what was lost.
fn cut(dir: &Path, disk: &Disk, how: How, times: usize) -> Vec<String> {
    let started = Instant::now();
    let _memory = Mount::new(&["-t", "tmpfs"], Path::new("none"), dir);
    let (here, copied) = (dir.join("disk"), dir.join("copy"));
    image(&here, disk.size, disk.make);
    let mount = Mount::new(&["-o", disk.options], &here, &dir.join("mnt"));
    let mut world = World::new();
    world.make(mount.at());
    flush(mount.at());
    let mut worker = Worker::start(dir, how);
    let mut random = Random::new(times as u64);
    let mut window = Window::new(&world);
    let (mut losses, mut confirmed) = (Vec::new(), 0);
    for number in 0..times {
        let pause = 1 + random.below(25);
        let (begun, done) = worker.stop_after(confirmed + pause as usize);
        // Nothing but the log of what was changed, and only in most cases: the last changes may be missing.
        if random.below(4) > 0 {
            let other = File::create(mount.at().join("other")).unwrap();
            other.sync_all().unwrap();
        }
        copy(&here, &copied);
        window.go_on(&mut world, begun, done);
        {
            let survived = Mount::new(&["-o", disk.options], &copied, &dir.join("survived"));
            let found = check(survived.at(), &window, how);
            losses.extend(
                found
                    .into_iter()
                    .map(|loss| format!("cut {number}: {loss}")),
            );
        }
        fs::remove_file(&copied).unwrap();
        // From here on it was there.
        flush(mount.at());
        window.is_on_disk(done);
        confirmed = done;
        worker.go_on();
    }
    let took = started.elapsed().as_secs();
    tell(&format!(
        "{times} cuts in {confirmed} changes, {} losses, {took} s",
        losses.len()
    ));
    losses
}

/// Writes everything of one file system to its disk.
fn flush(at: &Path) {
    rustix::fs::syncfs(File::open(at).unwrap()).unwrap();
}

/// Copies what is allocated of an image, as it was at one moment: until two copies are equal.
fn copy(from: &Path, to: &Path) {
    let mut from = File::open(from).unwrap();
    let mut to = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(to)
        .unwrap();
    to.set_len(from.metadata().unwrap().len()).unwrap();
    for _ in 0..20 {
        if !copy_what_differs(&mut from, &mut to) {
            return;
        }
    }
    panic!("the disk does not settle");
}

/// Returns whether anything did.
fn copy_what_differs(from: &mut File, to: &mut File) -> bool {
    let (mut at, mut differs) = (0, false);
    let (mut new, mut old) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    while let Ok(start) = seek(from.as_fd(), Part::Data(at)) {
        let end = seek(from.as_fd(), Part::Hole(start)).unwrap();
        at = start;
        while at < end {
            let part = (end - at).min(1 << 20) as usize;
            from.seek(SeekFrom::Start(at)).unwrap();
            from.read_exact(&mut new[..part]).unwrap();
            to.seek(SeekFrom::Start(at)).unwrap();
            to.read_exact(&mut old[..part]).unwrap();
            if new[..part] != old[..part] {
                to.seek(SeekFrom::Start(at)).unwrap();
                to.write_all(&new[..part]).unwrap();
                differs = true;
            }
            at += part as u64;
        }
    }
    differs
}

/// The process that changes files, and records the begin and end of each change.
struct Worker {
    process: Child,
    log: PathBuf,
}

impl Worker {
    fn start(dir: &Path, how: How) -> Self {
        fs::write(dir.join("how"), format!("{how:?}")).unwrap();
        let log = dir.join("log");
        File::create(&log).unwrap();
        let process = worker_command(dir).spawn().unwrap();
        Self { process, log }
    }

    /// Lets it make changes until this many are confirmed, and stops it wherever it then is. Returns how many it has
    /// begun and how many are confirmed.
    fn stop_after(&mut self, changes: usize) -> (usize, usize) {
        let started = Instant::now();
        while self.counts().1 < changes {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "the worker failed");
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "the worker hangs"
            );
            std::thread::yield_now();
        }
        self.signal(Signal::STOP);
        while !self.is_stopped() {
            std::thread::yield_now();
        }
        self.counts()
    }

    fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Whether each of its threads has come to a stop, out of the system call in which it was.
    fn is_stopped(&self) -> bool {
        let tasks = format!("/proc/{}/task", self.process.id());
        fs::read_dir(tasks).unwrap().all(|task| {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
            stat.rsplit(") ")
                .next()
                .is_some_and(|rest| rest.starts_with('T'))
        })
    }

    fn counts(&self) -> (usize, usize) {
        let log = fs::read(&self.log).unwrap();
        let count = |letter| log.iter().filter(|byte| **byte == letter).count();
        (count(b'b'), count(b'd'))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn worker_command(dir: &Path) -> Command {
    child(
        "power_loss::worker::a_child_that_changes_files",
        "worker",
        dir,
    )
}
