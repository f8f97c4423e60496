//! Background processes of a command keep running until the sandbox ends. The laws cover the rest.

use backend_core::Sandbox;

use crate::support::{mark, marked, marked_processes, no_survivors, sandbox};

#[tokio::test]
async fn a_stop_ends_background_processes() {
    let (sandbox, _dir) = sandbox();
    let mark = mark();
    for _ in 0..5 {
        let line = "setsid sleep 1000 & (trap '' TERM; sleep 1000) & true";
        sandbox.execute_with(&marked(line, &mark)).await.unwrap();
    }
    assert!(marked_processes(&mark).len() >= 10);
    sandbox.stop().await.unwrap();
    assert_eq!(marked_processes(&mark), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_sandbox_ends_background_processes() {
    let (sandbox, _dir) = sandbox();
    let mark = mark();
    let line = "setsid sleep 1000 & (while :; do printf %01000d 1; done) & true";
    sandbox.execute_with(&marked(line, &mark)).await.unwrap();
    assert!(marked_processes(&mark).len() >= 2);
    drop(sandbox);
    no_survivors(&mark);
}
