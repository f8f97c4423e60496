//! Large files: the memory depends on the window. Measured in a child that does nothing else.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use backend_core::{Backend, BackendExt, ErrorKind, GrepRequest, ReadBytesRequest, ReadRequest};
use backend_fs::FsBackend;

use crate::support::{Host, argument_of_child, child, p, refused, run, skip};

const MIB: usize = 1 << 20;

#[test]
fn a_file_of_a_million_lines_is_read_in_windows() {
    let host = Host::new();
    let mut file = BufWriter::new(File::create(host.root().join("f")).unwrap());
    for n in 1..=1_000_000 {
        writeln!(file, "line {n}").unwrap();
    }
    drop(file);
    run(async {
        let backend = host.backend();
        let page = backend.read_lines("/f", 0, 2).await.unwrap();
        assert_eq!(page.text, "line 1\nline 2\n");
        let page = backend.read_lines("/f", 999_998, 10).await.unwrap();
        assert_eq!(page.text, "line 999999\nline 1000000\n");
        assert_eq!(page.total_lines, Some(1_000_000));
        let error = refused(
            backend.read_lines("/f", 1_000_001, 1).await,
            ErrorKind::InvalidRequest,
        );
        assert!(error.to_string().contains("1000000"), "{error}");
        let found = backend.grep("^line 777777$").await.unwrap();
        assert_eq!(found.matches[0].line, 777_777);
    });
}

/// 20 MiB of lines, then nothing up to 2 GiB, which takes no space.
fn sparse(path: &Path) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let mut written = 0;
    let mut n = 0;
    while written < 20 * MIB {
        n += 1;
        let line = format!("this is the line with the number {n}\n");
        written += line.len();
        file.write_all(line.as_bytes()).unwrap();
    }
    file.seek(SeekFrom::Start(2 << 30)).unwrap();
    file.write_all(b"end").unwrap();
}

/// 200 MiB without a single line end.
fn single_line(path: &Path) {
    let mut file = File::create(path).unwrap();
    let piece = vec![b'x'; MIB];
    for _ in 0..200 {
        file.write_all(&piece).unwrap();
    }
}

#[cfg(target_os = "linux")]
fn peak_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The child. Elsewhere it is an empty test.
#[cfg(target_os = "linux")]
#[test]
fn a_child_that_reads_windows_of_large_files() {
    let Some(root) = argument_of_child("reader") else {
        return;
    };
    run(async {
        let backend = FsBackend::open(root).unwrap();
        backend.write("/warm", "up").await.unwrap();
        backend.read("/warm").await.unwrap();
        backend.grep("up").await.unwrap();
        let before = peak_kib();

        let page = backend.read_lines("/sparse", 300_000, 200).await.unwrap();
        assert_eq!(page.lines, 200);
        assert!(
            page.text
                .starts_with("this is the line with the number 300001\n")
        );
        assert_eq!(page.total_lines, None, "it is not read to its end");
        let end = ReadBytesRequest::new(p("/sparse")).range(2 << 30..u64::MAX);
        assert_eq!(
            &backend.read_bytes_with(&end).await.unwrap().bytes[..],
            b"end"
        );

        let page = backend
            .read_with(&ReadRequest::new(p("/line")))
            .await
            .unwrap();
        assert_eq!(page.lines, 1);
        assert!(page.text.len() <= 5000, "{}", page.text.len());
        refused(backend.edit("/line", "xy", "z").await, ErrorKind::TooLarge);
        let small = ReadBytesRequest::new(p("/line")).limit(1000);
        refused(backend.read_bytes_with(&small).await, ErrorKind::TooLarge);

        let found = backend
            .grep_with(&GrepRequest::new("number 300001$"))
            .await
            .unwrap();
        assert_eq!(found.searched, 1);
        assert_eq!((found.skipped.binary, found.skipped.long_lines), (1, 1));

        let grown = peak_kib() - before;
        println!("\n{grown} KiB more");
        assert!(grown < 32 * 1024, "{grown} KiB");
    });
    println!("\nread in little memory");
}

#[cfg(target_os = "linux")]
#[test]
fn windows_of_large_files_are_read_in_little_memory() {
    let host = Host::new();
    sparse(&host.root().join("sparse"));
    single_line(&host.root().join("line"));
    let test = "large::a_child_that_reads_windows_of_large_files";
    little_memory(test, "reader", &host);
}

/// Runs a child, and shows how much memory it took.
#[cfg(target_os = "linux")]
fn little_memory(test: &str, role: &str, host: &Host) {
    let output = child(test, role, host.root()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("read in little memory"), "{text}");
    if let Some(line) = text.lines().find(|line| line.contains("KiB more")) {
        println!("{line}");
    }
}

/// 2 GiB of text, in blocks of 1024 lines of a kilobyte, of which the first one has the number of its block.
#[cfg(target_os = "linux")]
fn blocks(path: &Path) {
    let line = format!("{:<1023}\n", "block 00000000");
    let mut block = line.repeat(1024).into_bytes();
    let mut file = File::create(path).unwrap();
    for n in 0..2048 {
        block[6..14].copy_from_slice(format!("{n:08}").as_bytes());
        file.write_all(&block).unwrap();
    }
}

/// The child. Elsewhere it is an empty test.
#[cfg(target_os = "linux")]
#[test]
fn a_child_that_reads_deep_inside_of_a_file() {
    let Some(root) = argument_of_child("diver") else {
        return;
    };
    run(async {
        let backend = FsBackend::open(root).unwrap();
        backend.write("/warm", "up").await.unwrap();
        backend.read("/warm").await.unwrap();
        let before = peak_kib();
        let page = backend.read_lines("/blocks", 2000 * 1024, 200).await;
        let page = page.unwrap();
        assert_eq!((page.lines, page.size), (200, 2 << 30));
        assert!(page.text.starts_with("block 00002000 "), "{page}");
        assert_eq!(page.next_offset, Some(2000 * 1024 + 200));
        assert_eq!(page.total_lines, None, "it is not read to its end");
        let grown = peak_kib() - before;
        println!("\n{grown} KiB more");
        assert!(grown < 32 * 1024, "{grown} KiB");
    });
    println!("\nread in little memory");
}

#[cfg(target_os = "linux")]
#[test]
fn two_hundred_lines_deep_inside_of_two_gigabytes_are_read_in_little_memory() {
    let host = Host::new();
    let disk = rustix::fs::statvfs(host.root()).unwrap();
    if disk.f_bavail * disk.f_frsize < 4 << 30 {
        return skip("it takes 4 GiB of free disk to write a file of 2 GiB");
    }
    blocks(&host.root().join("blocks"));
    little_memory(
        "large::a_child_that_reads_deep_inside_of_a_file",
        "diver",
        &host,
    );
}

#[cfg(not(target_os = "linux"))]
#[test]
fn windows_of_large_files_are_read_in_little_memory() {
    skip("the peak of a process's memory is read from /proc");
}

#[test]
fn a_full_disk_is_a_quota_and_leaves_the_old_file() {
    use std::process::Command;
    let host = Host::new();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(host.root())
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        return skip("it takes the right to mount a small file system");
    }
    let backend = host.backend();
    let outcome = std::panic::catch_unwind(|| {
        run(async {
            backend.write("/f", "old").await.unwrap();
            let error = refused(
                backend.write("/f", vec![b'x'; 2 * MIB]).await,
                ErrorKind::QuotaExceeded,
            );
            assert_eq!(
                error.to_string(),
                "quota exceeded: bytes of storage: at most 1048576"
            );
            assert_eq!(backend.read("/f").await.unwrap().text, "old");
            assert_eq!(backend.ls("/").await.unwrap().items.len(), 1);
            assert_eq!(
                backend.remove_leftovers().await.unwrap(),
                0,
                "it cleaned up itself"
            );
        });
    });
    drop(backend);
    let _ = Command::new("umount").arg("-l").arg(host.root()).status();
    outcome.unwrap();
}
