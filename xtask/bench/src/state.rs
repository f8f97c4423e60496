//! Files in memory: `backend-state` with a million files against a bare map, and with ten thousand against the original.

mod beside_original;
mod searches;

use std::collections::BTreeMap;

use backend_core::{
    Backend as _, GlobRequest, LsRequest, ReadBytesRequest, ReadRequest, VirtualPath, WriteRequest,
};
use backend_state::StateBackend;
use bytes::Bytes;

use crate::options::Options;
use crate::row::{Goal, Row};
use crate::table::Table;

/// How many files are in a directory, and how many directories in the one above.
const WIDTH: usize = 100;

pub(crate) async fn run(options: &Options, table: &mut Table) {
    // First, while the process is as fresh as that of the original: a million files fragment its memory.
    beside_original::run(options, table).await;
    many(options, table).await;
    searches::run(options, table).await;
}

/// About a kilobyte, different for each number.
fn text(number: usize) -> String {
    format!(
        "file {number}\n{}",
        "a line of some thirty characters\n".repeat(30)
    )
}

/// The path of one of many files, a hundred in each directory.
fn path_of(number: usize) -> String {
    let (dir, file) = (number / WIDTH, number % WIDTH);
    format!(
        "/d{:03}/s{:03}/file-{file:03}.txt",
        dir / WIDTH,
        dir % WIDTH
    )
}

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

async fn many(options: &Options, table: &mut Table) {
    let count = options.size(1_000_000, 20_000);
    let (store, mut map) = (StateBackend::new(), BTreeMap::new());
    for number in 0..count {
        let (name, content) = (path_of(number), Bytes::from(text(number)));
        let request = WriteRequest::new(path(&name), content.clone());
        store.write_with(&request).await.unwrap();
        map.insert(name, content);
    }
    // Spread over the whole store, so that they do not all fit in a cache.
    let names: Vec<String> = (0..1000).map(|n| path_of(n * (count / 1000))).collect();
    let requests: Vec<_> = names
        .iter()
        .map(|name| ReadBytesRequest::new(path(name)))
        .collect();
    for (name, request) in names.iter().zip(&requests) {
        let (one, two) = (
            store.read_bytes_with(request).await.unwrap().bytes,
            store.read_bytes_with(request).await.unwrap().bytes,
        );
        assert_eq!(&one, map.get(name).unwrap());
        assert_eq!(one.as_ptr(), two.as_ptr(), "a read copied");
    }
    let rounds = options.rounds(101);
    let mut reads = Row::new(
        format!("read_bytes of 1 KB among {count} files"),
        "BTreeMap::get, clone",
        Goal::Most(1e3),
    );
    let mut lines = Row::new("read of 1 KB as lines", "BTreeMap::get, clone", Goal::None);
    let mut writes = Row::new("write of 1 KB", "BTreeMap::insert, copy", Goal::None);
    let content = Bytes::from(text(1));
    for _ in 0..rounds {
        let mut at = 0..;
        let mut next = || at.next().unwrap() % 1000;
        reads.ours(nanos!(1000, {
            store.read_bytes_with(&requests[next()]).await.unwrap()
        }));
        reads.theirs(nanos!(1000, map.get(&names[next()]).unwrap().clone()));
        let page = ReadRequest::new(&requests[500].path);
        lines.ours(nanos!(100, store.read_with(&page).await.unwrap()));
        lines.theirs(nanos!(100, map.get(&names[500]).unwrap().clone()));
        let request = WriteRequest::new(&requests[500].path, content.clone());
        writes.ours(nanos!(100, store.write_with(&request).await.unwrap()));
        writes.theirs(nanos!(
            100,
            map.insert(names[500].clone(), Bytes::copy_from_slice(&content))
        ));
    }
    for row in [reads, lines, writes] {
        table.add(row);
    }
    listings(options, table, &store, &map, count).await;
}

async fn listings(
    options: &Options,
    table: &mut Table,
    store: &StateBackend,
    map: &BTreeMap<String, Bytes>,
    count: usize,
) {
    let dir = "/d001/s050";
    let small = StateBackend::new();
    for (name, content) in map.range(format!("{dir}/")..format!("{dir}0")) {
        let request = WriteRequest::new(path(name), content.clone());
        small.write_with(&request).await.unwrap();
    }
    let ls = LsRequest::new(path(dir));
    let glob = GlobRequest::new("**/*5.txt").path(path(dir));
    let listed = store.ls_with(&ls).await.unwrap();
    assert_eq!(listed.items.len(), WIDTH);
    let found = store.glob_with(&glob).await.unwrap().items;
    let alone = small.glob_with(&glob).await.unwrap().items;
    let paths = |items: &[backend_core::Entry]| -> Vec<String> {
        items.iter().map(|entry| entry.path.to_string()).collect()
    };
    assert_eq!((found.len(), paths(&found)), (10, paths(&alone)));
    let mut lists = Row::new(
        format!("ls of 100 children among {count} files"),
        "BTreeMap::range",
        Goal::Most(20e3),
    );
    let mut globs = Row::new(
        format!("glob below one directory among {count} files"),
        "the same directory alone",
        Goal::Ratio(1.25),
    );
    for _ in 0..options.rounds(101) {
        lists.ours(nanos!(100, store.ls_with(&ls).await.unwrap()));
        lists.theirs(nanos!(100, {
            let range = map.range(format!("{dir}/")..format!("{dir}0"));
            range
                .map(|(name, content)| (name.clone(), content.len()))
                .collect::<Vec<_>>()
        }));
        globs.ours(nanos!(20, store.glob_with(&glob).await.unwrap()));
        globs.theirs(nanos!(20, small.glob_with(&glob).await.unwrap()));
    }
    table.add(lists);
    table.add(globs);
}
