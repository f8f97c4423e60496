//! The overhead of a composite over the backend behind it, and how several tasks share one backend.

use std::sync::Arc;
use std::time::Instant;

use backend_composite::CompositeBackend;
use backend_core::{
    Backend, EditRequest, GrepRequest, ReadBytesRequest, ReadRequest, StatRequest, VirtualPath,
    WriteRequest,
};
use backend_fs::FsBackend;
use backend_state::StateBackend;

use crate::options::Options;
use crate::row::{Goal, Row};
use crate::table::Table;

/// How many tasks work at once.
const TASKS: usize = 8;

pub(crate) async fn run(options: &Options, table: &mut Table) {
    routes(options, table).await;
    let scratch = tempfile::tempdir_in(&options.scratch).unwrap();
    let files = FsBackend::open(scratch.path()).unwrap();
    mixed(options, table, "files", Arc::new(files)).await;
    mixed(options, table, "memory", Arc::new(StateBackend::new())).await;
}

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

async fn routes(options: &Options, table: &mut Table) {
    let store = StateBackend::new();
    let file = path("/src/deep/file.txt");
    let request = WriteRequest::new(&file, "text\n");
    store.write_with(&request).await.unwrap();
    let (default, mounted): (Arc<dyn Backend>, Arc<dyn Backend>) =
        (Arc::new(store.clone()), Arc::new(store.clone()));
    let composite = CompositeBackend::builder(default)
        .mount("/mnt/one", mounted)
        .mount("/mnt/two", Arc::new(StateBackend::new()))
        .build()
        .unwrap();
    let direct: Arc<dyn Backend> = Arc::new(store);
    let cases = [
        ("by the default", file.clone()),
        ("by a mount", path("/mnt/one/src/deep/file.txt")),
    ];
    for (how, through) in cases {
        let (stat, read) = (StatRequest::new(&through), ReadBytesRequest::new(&through));
        let (bare_stat, bare_read) = (StatRequest::new(&file), ReadBytesRequest::new(&file));
        let (one, two) = (
            composite.read_bytes_with(&read).await.unwrap(),
            direct.read_bytes_with(&bare_read).await.unwrap(),
        );
        assert_eq!((&one.bytes, one.version), (&two.bytes, two.version));
        let entry = composite.stat_with(&stat).await.unwrap();
        assert_eq!(entry.path, through);
        let times = options.size(1000, 10);
        let goal = Goal::Extra(300.0);
        let mut stats = Row::new(format!("composite, stat {how}"), "the backend", goal);
        let mut reads = Row::new(format!("composite, read_bytes {how}"), "the backend", goal);
        for _ in 0..options.rounds(201) {
            stats.ours(nanos!(times, composite.stat_with(&stat).await.unwrap()));
            stats.theirs(nanos!(times, direct.stat_with(&bare_stat).await.unwrap()));
            reads.ours(nanos!(
                times,
                composite.read_bytes_with(&read).await.unwrap()
            ));
            reads.theirs(nanos!(
                times,
                direct.read_bytes_with(&bare_read).await.unwrap()
            ));
        }
        table.add(stats);
        table.add(reads);
    }
}

/// Does the same work with one task and with several, in turn.
async fn mixed(options: &Options, table: &mut Table, name: &str, backend: Arc<dyn Backend>) {
    for task in 0..TASKS {
        for number in 0..20 {
            let text = format!("file {number}\n{}", "a line of text\n".repeat(200));
            let request = WriteRequest::new(path(&format!("/t{task}/f{number:02}.txt")), text);
            backend.write_with(&request).await.unwrap();
        }
    }
    let turns = options.size(400, 8);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let goal = Goal::Times(0.8 * cores.min(TASKS) as f64);
    let mut row = Row::new(
        format!("{TASKS} tasks: reads, edits, greps of {name}"),
        "one task",
        goal,
    );
    for _ in 0..options.rounds(15) {
        row.ours(work(&backend, TASKS, turns).await);
        row.theirs(work(&backend, 1, turns).await);
    }
    table.add(row);
}

/// Does this many turns of work, shared by this many tasks. Each has its own files.
async fn work(backend: &Arc<dyn Backend>, tasks: usize, turns: usize) -> f64 {
    let started = Instant::now();
    let tasks: Vec<_> = (0..tasks)
        .map(|task| {
            let (backend, turns) = (Arc::clone(backend), turns / tasks);
            tokio::spawn(async move {
                for turn in 0..turns {
                    one_turn(&*backend, task, turn).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    started.elapsed().as_secs_f64() * 1e9
}

async fn one_turn(backend: &dyn Backend, task: usize, turn: usize) {
    let dir = path(&format!("/t{task}"));
    for number in 0..20 {
        let request = ReadRequest::new(path(&format!("/t{task}/f{number:02}.txt")));
        assert_eq!(backend.read_with(&request).await.unwrap().lines, 201);
    }
    let number = turn % 20;
    let file = path(&format!("/t{task}/f{number:02}.txt"));
    for (old, new) in [("file", "File"), ("File", "file")] {
        let edit = EditRequest::new(
            &file,
            format!("{old} {number}\n"),
            format!("{new} {number}\n"),
        );
        assert_eq!(backend.edit_with(&edit).await.unwrap().replacements, 1);
    }
    let grep = GrepRequest::new("^file [0-9]+$").path(dir);
    assert_eq!(backend.grep_with(&grep).await.unwrap().matches.len(), 20);
}
