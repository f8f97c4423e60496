//! Many commands and file operations at once: each gets its own answer.

use std::sync::Arc;

use backend_core::{BackendExt, ExecRequest, ExecStatus, Sandbox};
use tokio::task::JoinSet;

use crate::support::sandbox;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_commands_at_once_do_not_mix() {
    let (sandbox, _dir) = sandbox();
    let sandbox = Arc::new(sandbox);
    let mut calls = JoinSet::new();
    for number in 0..64 {
        let (commands, files) = (Arc::clone(&sandbox), Arc::clone(&sandbox));
        calls.spawn(async move {
            let line = format!("cat; seq {number} 3000; echo {number} >&2; exit {number}");
            let input = format!("input of {number}\n");
            let request = ExecRequest::shell(line).stdin(input.clone());
            let output = commands.execute_with(&request).await.unwrap();
            let wanted: String = (number..=3000).map(|n| format!("{n}\n")).collect();
            assert_eq!(output.stdout.to_text(), input + &wanted);
            assert_eq!(output.stderr.to_text(), format!("{number}\n"));
            assert_eq!(output.status, ExecStatus::Exited(number));
        });
        calls.spawn(async move {
            let path = format!("/files/{number}");
            for round in 0..20 {
                let text = format!("{number} {round}\n");
                files.write(path.as_str(), text.clone()).await.unwrap();
                assert_eq!(files.read(path.as_str()).await.unwrap().text, text);
            }
        });
    }
    while let Some(outcome) = calls.join_next().await {
        outcome.unwrap();
    }
}
