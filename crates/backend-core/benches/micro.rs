//! The protocol's sub-millisecond operations: paths, pages, replacements.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark stops when it cannot continue"
)]

use backend_core::text::{WindowScanner, apply_edits};
use backend_core::{Edits, ReadRequest, Replacement, Version, VirtualPath};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

fn path() -> VirtualPath {
    VirtualPath::parse("/src/deep/file.rs").unwrap()
}

/// Text of about `bytes` bytes.
fn text(bytes: usize) -> String {
    "a line of some thirty characters\n".repeat(bytes / 33)
}

#[divan::bench(args = ["/a.rs", "/crates/backend-core/src/path.rs", "a//./b/../c"])]
fn parse_a_path(text: &str) -> bool {
    VirtualPath::parse(black_box(text)).is_ok()
}

#[divan::bench]
fn name_a_child(bencher: Bencher<'_, '_>) {
    let dir = path();
    bencher.bench(|| dir.child(black_box("child.rs")).unwrap());
}

#[divan::bench(args = [1 << 10, 64 << 10])]
fn read_a_page(bencher: Bencher<'_, '_>, bytes: usize) {
    let (text, request) = (text(bytes), ReadRequest::new(path()));
    bencher.bench(|| {
        let version = Version::from_parts(&[1]);
        let mut scanner = WindowScanner::new(&request, text.len() as u64, version).unwrap();
        scanner.push(text.as_bytes()).unwrap();
        scanner.finish().unwrap()
    });
}

#[divan::bench]
fn show_a_page_of_1_kb(bencher: Bencher<'_, '_>) {
    let (text, request) = (text(1 << 10), ReadRequest::new(path()));
    let mut scanner = WindowScanner::new(&request, 0, Version::from_parts(&[1])).unwrap();
    scanner.push(text.as_bytes()).unwrap();
    let page = scanner.finish().unwrap();
    bencher.bench(|| black_box(&page).to_string());
}

#[divan::bench(args = [1 << 10, 64 << 10])]
fn replace_in_a_file(bencher: Bencher<'_, '_>, bytes: usize) {
    let content = format!("{}the needle\n{}", text(bytes / 2), text(bytes / 2));
    let edits = Edits::Exact(vec![Replacement::new("the needle", "a thread")]);
    let path = path();
    bencher.bench(|| apply_edits(&path, content.as_bytes(), &edits).unwrap());
}
