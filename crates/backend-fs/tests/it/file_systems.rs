//! The laws of every backend, on every file system that can be made here.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use backend_conformance::{Subject, Suite};
use backend_core::BackendExt;
use backend_fs::FsBackend;

use crate::disks::kinds::Kind;
use crate::disks::{alone_as, long, tell};
use crate::faulty::Fault;
use crate::support::{run, skip};

/// How many laws are checked at the same time.
const AT_ONCE: usize = 4;

/// A law that does not hold on a file system, and why not.
struct Exception {
    on: &'static str,
    law: &'static str,
    why: &'static str,
}

/// What does not hold where. The README has it as a table.
const EXCEPTIONS: &[Exception] = &[];

/// Checks all laws, each in a directory of its own, and that those which do not hold are the ones that are known.
fn check<F: FnOnce()>(name: &str, kind: Kind, _here: F) {
    alone_as(std::any::type_name::<F>(), kind.needs(), |dir| {
        let started = Instant::now();
        let made = Arc::new(kind.make(dir));
        let count = AtomicUsize::new(0);
        let report = run(Suite::Files.report(AT_ONCE, || {
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
        let known: Vec<&str> = EXCEPTIONS
            .iter()
            .filter(|exception| exception.on == name)
            .map(|exception| exception.law)
            .collect();
        let took = started.elapsed().as_secs_f32();
        let (failed, checked) = (report.failed.len(), report.checked.len());
        tell(&format!(
            "{name}: {checked} laws hold, {failed} do not, {took:.1} s"
        ));
        let failed: Vec<&str> = report.failed.iter().map(|(law, _)| law.id).collect();
        assert_eq!(failed, known, "{report}");
    });
}

macro_rules! laws_on {
    ($($test:ident $name:literal $kind:expr;)*) => {
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
    faulty "FUSE" Kind::Faulty(&[]);
    no_links "FUSE without hard links" Kind::Faulty(&[Fault::NoLinks, Fault::NoRenameFlags]);
    no_chmod "FUSE without modes" Kind::Faulty(&[Fault::NoChmod]);
    chmod_denied "FUSE that denies modes" Kind::Faulty(&[Fault::ChmodDenied]);
    chmod_ignored "FUSE that ignores modes" Kind::Faulty(&[Fault::ChmodIgnored]);
    no_link_count "FUSE without link counts" Kind::Faulty(&[Fault::NoLinkCount]);
    names_twice "FUSE with names twice" Kind::Faulty(&[Fault::NamesTwice]);
    whole_seconds "FUSE with whole seconds" Kind::Faulty(&[Fault::WholeSeconds]);
    random_inodes "FUSE with random inodes" Kind::Faulty(&[Fault::RandomInodes]);
    size_zero "FUSE with sizes of 0" Kind::Faulty(&[Fault::SizeZero]);
    short "FUSE with short reads and writes" Kind::Faulty(&[Fault::ShortReads, Fault::ShortWrites]);
    interrupted "FUSE with interruptions" Kind::Faulty(&[Fault::OpenInterrupted, Fault::ReadInterrupted]);
    no_sync "FUSE without flushes" Kind::Faulty(&[Fault::NoSync, Fault::NoDirSync]);
}
