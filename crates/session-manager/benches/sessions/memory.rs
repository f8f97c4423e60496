//! The memory per session in the manager's own process.
//!
//! Each number comes from separate processes that hold only some thousand sessions: one with the sessions, minus one without
//! them.

use std::process::Command;
use std::sync::Arc;

use backend_conformance::FakeProvider;
use backend_core::{SandboxId, SandboxProvider, SandboxSpec};
use backend_state::StateBackend;
use session_manager::SessionManager;

use crate::table::Table;

pub(crate) fn measure(table: &mut Table) {
    let count = if table.quick { 500 } else { 20_000 };
    let bytes = |what: &str, count: usize| -> f64 {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        let output = command
            .args(["--fill", what, &count.to_string()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{what}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim().parse().unwrap()
    };
    // The fake sandboxes belong to the provider.
    let sandbox = (bytes("sandboxes", count) - bytes("sandboxes", 0)) / count as f64;
    let live = (bytes("live", count) - bytes("live", 0)) / count as f64 - sandbox;
    let asleep = (bytes("asleep", count) - bytes("asleep", 0)) / count as f64;
    let note = format!("over {count}");
    table.add(
        "manager's memory for an open session",
        live / 1024.0,
        "KiB",
        None,
        &note,
    );
    table.add(
        "manager's memory for a hibernated session",
        asleep / 1024.0,
        "KiB",
        None,
        &note,
    );
}

/// Creates the objects to measure, and returns how many bytes this process then has in memory.
pub(crate) async fn fill(what: &str, count: usize) -> u64 {
    let root = tempfile::tempdir().unwrap();
    let provider = FakeProvider::new(|_| Ok(StateBackend::new()));
    let id = |number: usize| SandboxId::parse(format!("user-{number}")).unwrap();
    if what == "sandboxes" {
        let mut held: Vec<Arc<_>> = Vec::new();
        for number in 0..count {
            held.push(
                provider
                    .create(&SandboxSpec::new(id(number)))
                    .await
                    .unwrap(),
            );
        }
        return resident();
    }
    let manager = SessionManager::builder(provider)
        .workspace_root(root.path())
        .without_fsync()
        .max_resident(count.max(1))
        .max_open(count.max(1))
        .cleanup_interval(None)
        .build()
        .await
        .unwrap();
    for number in 0..count {
        manager.get_or_create(id(number)).await.unwrap();
        if what == "asleep" {
            manager.hibernate(id(number)).await.unwrap();
        }
    }
    resident()
}

/// Returns the resident memory of this process.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024
}
