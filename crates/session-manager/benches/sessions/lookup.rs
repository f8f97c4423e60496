//! Requesting a live session among many others.

use std::hint::black_box;
use std::time::Instant;

use backend_conformance::FakeProvider;
use backend_core::{BackendExt, SandboxId, SandboxProvider};
use backend_state::StateBackend;
use session_manager::SessionManager;

use crate::table::{Table, median};

/// Number of open sessions.
const OPEN: usize = 1000;

pub(crate) async fn measure(table: &mut Table) {
    let (batches, batch) = if table.quick { (3, 100) } else { (50, 10_000) };
    let provider = FakeProvider::new(|_| Ok(StateBackend::new()));
    let manager = SessionManager::builder(provider)
        .max_resident(OPEN)
        .cleanup_interval(None)
        .build()
        .await
        .unwrap();
    let ids: Vec<SandboxId> = (0..OPEN)
        .map(|number| SandboxId::parse(format!("user-{number}")).unwrap())
        .collect();
    for id in &ids {
        manager.get_or_create(id).await.unwrap();
    }
    let mut times = Vec::new();
    for round in 0..batches {
        let began = Instant::now();
        for number in 0..batch {
            let id = &ids[(number * 7 + round) % OPEN];
            black_box(manager.get_or_create(id).await.unwrap());
        }
        times.push(began.elapsed().as_secs_f64() * 1e6 / batch as f64);
    }
    let name = format!("get_or_create, live, among {OPEN}");
    table.add(name, median(times), "us", Some(2.0), "");

    // The overhead of a handle: the same operation, with and without it.
    let session = manager.get_or_create(&ids[0]).await.unwrap();
    session.write("/f", "x").await.unwrap();
    let sandbox = session.sandbox_id().unwrap();
    let sandbox = manager.provider().attach(&sandbox).await.unwrap();
    let (mut through, mut without) = (Vec::new(), Vec::new());
    for _ in 0..batches {
        let began = Instant::now();
        for _ in 0..batch {
            black_box(session.stat("/f").await.unwrap());
        }
        through.push(began.elapsed().as_secs_f64() * 1e6 / batch as f64);
        let began = Instant::now();
        for _ in 0..batch {
            black_box(sandbox.stat("/f").await.unwrap());
        }
        without.push(began.elapsed().as_secs_f64() * 1e6 / batch as f64);
    }
    let added = (median(through) - median(without)).max(0.0);
    table.add("what a handle adds to an operation", added, "us", None, "");
    let _ = manager.shutdown().await;
}
