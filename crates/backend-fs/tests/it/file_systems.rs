//! The laws of every backend, on every file system that can be created here.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use backend_conformance::{Subject, Suite};
use backend_fs::FsBackend;

use crate::disks::kinds::Kind;
use crate::disks::{alone_as, long, tell};
use crate::faulty::Fault;
use crate::support::{run, skip};

/// How many laws are checked at the same time.
const CONCURRENCY: usize = 4;

/// Laws that need not hold on a file system, and why not.
struct Exception {
    on: &'static str,
    laws: &'static str,
    why: &'static str,
}

const CASE: &str = "names that differ only in case are one name, and are stored in lower case";
const LONG_NAMES: &str = "the driver briefly gives a replaced file another, longer name: it fails above some 235 bytes, or leaves a file";
const TWO_STEPS: &str = "the driver replaces a file in two steps: between them it does not exist";
const TIMES: &str = "the kernel caches times for a second, and a rename changes them";

/// The known exceptions. docs/disks.md has them as a table.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        on: "fuse-overlayfs",
        laws: "P7",
        why: "a name has at most 251 bytes: the driver reserves the rest for its own markers",
    },
    Exception {
        on: "ntfs-3g",
        laws: "P7 P9",
        why: LONG_NAMES,
    },
    Exception {
        on: "ntfs-3g",
        laws: "C3",
        why: TWO_STEPS,
    },
    Exception {
        on: "lowntfs-3g, ignore_case",
        laws: "P4 P6 P12 L2 N14 G1 G4 G11 G12 Z2 Z3 J3 J4 J8",
        why: CASE,
    },
    Exception {
        on: "lowntfs-3g, ignore_case",
        laws: "P7 P9",
        why: LONG_NAMES,
    },
    Exception {
        on: "lowntfs-3g, ignore_case",
        laws: "C3 C10 C12",
        why: TWO_STEPS,
    },
    Exception {
        on: "lowntfs-3g, ignore_case",
        laws: "C9",
        why: "a new file in a directory that was just deleted and made again is briefly refused as not found",
    },
    Exception {
        on: "sshfs",
        laws: "Y12 Y14",
        why: "a link with `..` in it is refused, because it could lead out of the mount",
    },
    Exception {
        on: "sshfs",
        laws: "C3",
        why: "the kernel briefly caches that a file does not exist, and that it did",
    },
    Exception {
        on: "bindfs",
        laws: "V1 N1",
        why: TIMES,
    },
    Exception {
        on: "bindfs",
        laws: "C3",
        why: "the driver finds files by their path: one that is being replaced is briefly not found",
    },
    Exception {
        on: "FUSE with whole seconds",
        laws: "V4 V5 C12",
        why: "two writes within a second look the same: the file system has no generations of inodes",
    },
];

/// The file systems that are quick enough for every run.
const QUICK: &[&str] = &["ext4 with 128-byte inodes", "tmpfs", "overlayfs"];

/// The table of the exceptions, as people read it.
const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/disks.md"));

/// Whether a law need not hold on a file system.
fn is_exception(on: &str, law: &str) -> bool {
    EXCEPTIONS
        .iter()
        .any(|known| known.on == on && known.laws.split(' ').any(|one| one == law))
}

/// Checks all laws, each in a directory of its own, and that every failing law is a known exception.
fn check<F: FnOnce()>(name: &str, kind: Kind, _here: F) {
    if !long() && !QUICK.contains(&name) {
        return skip("it takes minutes, and AGENT_BACKENDS_LONG is not 1");
    }
    alone_as(std::any::type_name::<F>(), kind.needs(), |dir| {
        let started = Instant::now();
        let made = Arc::new(kind.make(dir));
        let count = AtomicUsize::new(0);
        let report = run(Suite::Files.report(CONCURRENCY, || {
            let number = count.fetch_add(1, Ordering::Relaxed);
            let root = made.root().join(number.to_string());
            fs::create_dir_all(&root).unwrap();
            let backend = FsBackend::open(&root).unwrap();
            let links = root.clone();
            let subject = Subject::new(backend)
                .host_path(root.display().to_string())
                .links(move |path, target| symlink(target, links.join(path.relative())))
                .keep(Arc::clone(&made));
            async move { subject }
        }));
        let mut unknown = report.clone();
        unknown
            .failed
            .retain(|(law, _)| !is_exception(name, law.id));
        let exceptions: Vec<&str> = report
            .failed
            .iter()
            .map(|(law, _)| law.id)
            .filter(|law| is_exception(name, law))
            .collect();
        let took = started.elapsed().as_secs_f32();
        let checked = report.checked.len();
        tell(&format!(
            "{name}: {checked} laws hold, not {exceptions:?}, {took:.1} s"
        ));
        assert!(unknown.failed.is_empty(), "{unknown}");
    });
}

macro_rules! laws_on {
    ($($test:ident $name:literal $kind:expr;)*) => {
        const ALL: &[&str] = &[$($name),*];

        $(
            #[test]
            fn $test() {
                check($name, $kind, || {});
            }
        )*
    };
}

laws_on! {
    ext4 "ext4" Kind::Ext4;
    ext4_of_128_bytes "ext4 with 128-byte inodes" Kind::Ext4Small;
    xfs "XFS" Kind::Xfs;
    btrfs "btrfs" Kind::Btrfs;
    tmpfs "tmpfs" Kind::Tmpfs;
    overlayfs "overlayfs" Kind::Overlay;
    fuse_overlayfs "fuse-overlayfs" Kind::FuseOverlay;
    ntfs_3g "ntfs-3g" Kind::Ntfs3g;
    lowntfs_3g "lowntfs-3g, ignore_case" Kind::LowNtfs3g;
    sshfs "sshfs" Kind::Sshfs;
    bindfs "bindfs" Kind::Bindfs;
    fuse "FUSE" Kind::Faulty(&[]);
    no_links "FUSE without hard links" Kind::Faulty(&[Fault::NoLinks, Fault::NoRenameFlags]);
    no_chmod "FUSE without modes" Kind::Faulty(&[Fault::NoChmod]);
    chmod_denied "FUSE that denies modes" Kind::Faulty(&[Fault::ChmodDenied]);
    chmod_ignored "FUSE that ignores modes" Kind::Faulty(&[Fault::ChmodIgnored]);
    no_link_count "FUSE without link counts" Kind::Faulty(&[Fault::NoLinkCount]);
    names_twice "FUSE with names twice" Kind::Faulty(&[Fault::NamesTwice]);
    whole_seconds "FUSE with whole seconds" Kind::Faulty(&[Fault::WholeSeconds]);
    short "FUSE with short reads and writes" Kind::Faulty(&[Fault::ShortReads, Fault::ShortWrites]);
    interrupted "FUSE with interruptions" Kind::Faulty(&[Fault::OpenInterrupted, Fault::ReadInterrupted]);
    no_sync "FUSE without flushes" Kind::Faulty(&[Fault::NoSync, Fault::NoDirSync]);
}

#[test]
fn the_document_names_every_file_system_and_every_exception() {
    let cells = |line: &str| -> Vec<String> {
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    let rows: Vec<Vec<String>> = DOCUMENT
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(cells)
        .collect();
    for name in ALL {
        assert!(
            rows.iter().any(|row| row[0] == *name),
            "{name} is not in docs/disks.md"
        );
    }
    let documented: Vec<&Vec<String>> = rows
        .iter()
        .filter(|row| row.len() == 3 && ALL.contains(&&*row[0]))
        .collect();
    assert_eq!(documented.len(), EXCEPTIONS.len());
    for (row, known) in documented.into_iter().zip(EXCEPTIONS) {
        assert_eq!(row[..], [known.on, known.laws, known.why]);
        for law in known.laws.split(' ') {
            assert!(backend_conformance::law(law).is_some(), "{law}");
        }
    }
}
