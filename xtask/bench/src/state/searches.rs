//! `grep` in memory, against ripgrep over the same bytes in a file system in memory.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use backend_core::{Backend as _, GrepRequest, WriteRequest};
use backend_state::StateBackend;

use super::path;
use crate::options::Options;
use crate::program::Program;
use crate::row::{Goal, Row};
use crate::table::Table;

/// Where Linux has a file system in memory.
const MEMORY: &str = "/dev/shm";

/// The length of the files, about that of files in source trees.
const FILE_BYTES: usize = 16 << 10;

pub(super) async fn run(options: &Options, table: &mut Table) {
    if !options.wants("grep of 1 GB in memory") {
        return;
    }
    let in_memory = tempfile::tempdir_in(MEMORY).ok();
    let rg = options
        .rg
        .as_ref()
        .zip(in_memory.as_ref())
        .map(|(rg, dir)| Program::new(rg, dir.path()));
    let store = StateBackend::new();
    for number in 0..options.size(65_536, 64) {
        let (name, content) = (
            format!("/d{:03}/f{number:05}.c", number / 256),
            content(number),
        );
        if let Some(dir) = &in_memory {
            let host = dir.path().join(&name[1..]);
            fs::create_dir_all(host.parent().unwrap_or(Path::new("/"))).unwrap();
            fs::write(host, &content).unwrap();
        }
        let request = WriteRequest::new(path(&name), content);
        store.write_with(&request).await.unwrap();
    }
    if let Some(rg) = &rg {
        table.version("ripgrep", rg.version());
    }
    for (what, pattern) in [
        ("rare literal", "rare_needle"),
        ("regex", r"needle_[0-9]+7\b"),
    ] {
        let request = GrepRequest::new(pattern).limit(1_000_000);
        let args = ["--no-config", "--no-ignore", "--null", "-n", pattern];
        let found = store.grep_with(&request).await.unwrap();
        assert!(found.is_whole() && !found.matches.is_empty());
        if let Some(rg) = &rg {
            let ours: BTreeSet<String> = found
                .matches
                .iter()
                .map(|m| format!("{}\0{}:{}", m.path.relative(), m.line, m.text))
                .collect();
            let printed = rg.run(&args);
            let theirs = printed
                .lines()
                .map(|line| line.trim_start_matches("./").to_owned());
            assert_eq!(ours, theirs.collect());
        }
        let size = options.size(1024, 1);
        let name = format!("grep of {size} MB in memory, {what}");
        let mut row = Row::new(name, "rg in tmpfs", Goal::Ratio(0.8));
        for _ in 0..options.rounds(11) {
            row.ours(nanos!(1, store.grep_with(&request).await.unwrap()));
            if let Some(rg) = &rg {
                row.theirs(nanos!(1, rg.run(&args)));
            }
        }
        table.add(row);
    }
}

/// Text with something to find in it.
fn content(number: usize) -> String {
    let mut text = String::with_capacity(FILE_BYTES);
    let mut line = 0;
    while text.len() + 80 < FILE_BYTES {
        text.push_str("static int some_function_of(struct device *device, int value)\n");
        line += 1;
        if line % 100 == 0 {
            text.push_str(&format!("needle_{number}\n"));
        }
    }
    if number.is_multiple_of(50) {
        text.push_str("rare_needle\n");
    }
    text
}
