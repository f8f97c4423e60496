//! Reads: small ones against a bare open, deep ones against sed.

use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;

use backend_core::{Backend as _, ReadBytesRequest, ReadRequest, StatRequest, VirtualPath};
use backend_fs::FsBackend;

use super::globs;
use crate::options::Options;
use crate::program::Program;
use crate::row::{Goal, Row};
use crate::table::Table;

pub(super) async fn run(options: &Options, table: &mut Table, scratch: &Path) {
    globs::listing(options, table, scratch).await;
    small(options, table, scratch).await;
    deep(options, table, scratch).await;
}

/// Reads a file of a kilobyte, in a directory below the root.
async fn small(options: &Options, table: &mut Table, scratch: &Path) {
    fs::create_dir_all(scratch.join("src/deep")).unwrap();
    let text = "a line of some thirty characters\n".repeat(31);
    let host = scratch.join("src/deep/small.txt");
    fs::write(&host, &text).unwrap();
    let files = FsBackend::open(scratch).unwrap();
    let path = VirtualPath::parse("/src/deep/small.txt").unwrap();
    let (bytes, lines, stat) = (
        ReadBytesRequest::new(&path),
        ReadRequest::new(&path),
        StatRequest::new(&path),
    );
    let bare = || {
        let mut buffer = [0; 4096];
        let count = File::open(&host).unwrap().read(&mut buffer).unwrap();
        buffer[..count].to_vec()
    };
    assert_eq!(files.read_bytes_with(&bytes).await.unwrap().bytes, bare());
    assert_eq!(files.read_with(&lines).await.unwrap().text, text);
    let times = options.size(200, 2);
    let goal = Goal::RatioAndHop(1.5);
    for name in ["read_bytes of 1 KB", "read of 1 KB, as lines", "stat"] {
        if !options.wants(name) {
            continue;
        }
        let beside = if name == "stat" {
            "lstat"
        } else {
            "open, read, close"
        };
        let mut row = Row::new(name, beside, goal);
        for _ in 0..options.rounds(101) {
            row.ours(match name {
                "stat" => nanos!(times, files.stat_with(&stat).await.unwrap()),
                "read_bytes of 1 KB" => {
                    nanos!(times, files.read_bytes_with(&bytes).await.unwrap())
                }
                _ => nanos!(times, files.read_with(&lines).await.unwrap()),
            });
            row.theirs(match name {
                "stat" => nanos!(times, fs::symlink_metadata(&host).unwrap()),
                _ => nanos!(times, bare()),
            });
            row.hop(nanos!(
                times,
                tokio::task::spawn_blocking(|| ()).await.unwrap()
            ));
        }
        table.add(row);
    }
}

/// Reads 200 lines from deep inside large files.
async fn deep(options: &Options, table: &mut Table, scratch: &Path) {
    let sed = Program::new(Path::new("sed"), scratch);
    table.version(
        "sed",
        sed.run(&["--version"]).lines().next().unwrap_or_default(),
    );
    // Lines of 50 bytes.
    let cases = [
        (
            "read of 200 lines at line 1,000,000 of 100 MB",
            2_000_000,
            1_000_000,
        ),
        ("read of the last 200 lines of 2 GB", 40_000_000, 39_999_800),
    ];
    for (name, lines, first) in cases {
        if !options.wants(name) {
            continue;
        }
        let (lines, first) = (
            options.size(lines, lines / 1000),
            options.size(first, first / 1000),
        );
        let host = scratch.join("large.txt");
        let mut out = BufWriter::new(File::create(&host).unwrap());
        for number in 0..lines {
            writeln!(out, "{number:010} a line that has just fifty bytes, see").unwrap();
        }
        out.into_inner().unwrap();
        let files = FsBackend::open(scratch).unwrap();
        let path = VirtualPath::parse("/large.txt").unwrap();
        let request = ReadRequest::new(path).offset(first as u64).limit(200);
        // It quits after the last line, which is its fastest way.
        let script = format!("{},{}p;{}q", first + 1, first + 200, first + 200);
        let args = ["-n", script.as_str(), "large.txt"];
        let page = files.read_with(&request).await.unwrap();
        assert_eq!(page.text, sed.run(&args), "{name}");
        let mut row = Row::new(name, "sed -n", Goal::Ratio(0.5));
        for _ in 0..options.rounds(9) {
            row.ours(nanos!(1, files.read_with(&request).await.unwrap()));
            row.theirs(nanos!(1, sed.run(&args)));
        }
        table.add(row);
        fs::remove_file(&host).unwrap();
    }
}
