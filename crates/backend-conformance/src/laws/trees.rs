//! Laws about what is killed with a command: everything that it started, however it tried to escape.

use std::time::Duration;

use backend_core::{ExecStatus, Signal};

use crate::Workshop;
use crate::workshop::TREES;

#[doc(hidden)]
#[macro_export]
macro_rules! __tree_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args trees;
            CT1 a_timeout_kills_the_whole_tree
                "After `timed_out`, nothing that the command started is alive: no process in a session of its own, orphan, \
                 daemon, deaf or stopped child.";
            CT2 a_dropped_call_kills_the_whole_tree
                "When the future of `execute` is dropped, the command and all that it started end soon.";
            CT3 a_call_dropped_at_any_moment_kills_the_whole_tree
                "That holds at any moment: before the command has started, and while it starts.";
            CT4 a_ceiling_kills_the_whole_tree
                "After `output_ceiling`, nothing that the command started is alive.";
            CT5 a_constantly_forking_command_is_stopped
                "A command that starts new processes while it is killed does not outrun the kill.";
            CT6 a_kill_ends_the_whole_tree [Processes]
                "`kill` ends a spawned process and all that it started.";
            CT7 limits_of_a_spawned_process_kill_its_whole_tree [Processes]
                "A timeout and a ceiling of a spawned process end all that it started.";
            CT8 other_commands_keep_running
                "Only the tree of that one command is killed: other commands, and what they left behind, keep running.";
        }
    };
}

crate::__tree_laws! { registry_of_area [Commands] }

async fn a_timeout_kills_the_whole_tree(shop: &Workshop) {
    for tree in TREES {
        // As much time as a busy machine needs to start them all.
        for tries in 0..8 {
            shop.prepare_trees().await;
            let request = tree
                .request(shop)
                .timeout(Duration::from_millis(500 << tries));
            let output = shop.run(&request).await;
            assert_eq!(
                output.status,
                ExecStatus::TimedOut,
                "{}: {output:?}",
                tree.name
            );
            shop.nobody_is_left(tree.name).await;
            if shop.seen().await >= tree.children {
                break;
            }
        }
        assert_eq!(shop.seen().await, tree.children, "{}", tree.name);
    }
}

async fn a_dropped_call_kills_the_whole_tree(shop: &Workshop) {
    for tree in TREES {
        shop.prepare_trees().await;
        let request = tree.request(shop).timeout(None);
        let all_are_there = shop.until_seen(tree.children);
        tokio::select! {
            output = shop.execute(&request) => panic!("{}: it ended: {output:?}", tree.name),
            () = all_are_there => {}
        }
        shop.nobody_is_left(tree.name).await;
    }
}

async fn a_call_dropped_at_any_moment_kills_the_whole_tree(shop: &Workshop) {
    shop.prepare_trees().await;
    for round in 0..30 {
        let request = shop.line("sh ./sleeper & setsid sh ./sleeper & sleep 5000");
        let call = shop.execute(&request);
        let ended = tokio::time::timeout(Duration::from_micros(round * round * 100), call).await;
        assert!(ended.is_err(), "it ended: {ended:?}");
    }
    // A child that started later would be in the list by now, and alive.
    shop.says("sleep 0.5").await;
    shop.nobody_is_left("a call dropped early").await;
}

async fn a_ceiling_kills_the_whole_tree(shop: &Workshop) {
    for tree in TREES {
        shop.prepare_trees().await;
        // `up` and its line break are three bytes.
        let request = tree.request(shop).output_ceiling(2);
        let output = shop.run(&request).await;
        assert_eq!(
            output.status,
            ExecStatus::OutputCeiling,
            "{}: {output:?}",
            tree.name
        );
        assert_eq!(shop.seen().await, tree.children, "{}", tree.name);
        shop.nobody_is_left(tree.name).await;
    }
}

async fn a_constantly_forking_command_is_stopped(shop: &Workshop) {
    let line = "while :; do (sh -c 'echo >> beats; sleep 0.05' &); sleep 0.01; done";
    let request = shop.line(line).timeout(Duration::from_millis(700));
    assert_eq!(shop.run(&request).await.status, ExecStatus::TimedOut);
    // A process that is left never ends, and keeps writing.
    let line = "last=; n=0; while :; do now=$(wc -l < beats); [ \"$now\" = \"$last\" ] && break; \
                last=$now; n=$((n + 1)); [ $n -gt 20 ] && echo alive && break; sleep 0.5; done";
    assert_eq!(shop.says(&format!("touch beats; {line}")).await, "");
}

async fn a_kill_ends_the_whole_tree(shop: &Workshop) {
    for tree in TREES {
        shop.prepare_trees().await;
        let process = shop.start(&tree.request(shop)).await;
        shop.read_until(&process, 0, "up\n").await;
        shop.signal(&process, Signal::Kill).await.unwrap();
        shop.nobody_is_left(tree.name).await;
        let (_, _, status) = shop.read_all(&process).await;
        assert_eq!(status, ExecStatus::Signaled(9), "{}", tree.name);
    }
}

async fn limits_of_a_spawned_process_kill_its_whole_tree(shop: &Workshop) {
    for tree in TREES {
        shop.prepare_trees().await;
        let process = shop.start(&tree.request(shop).output_ceiling(2)).await;
        let (_, _, status) = shop.read_all(&process).await;
        assert_eq!(status, ExecStatus::OutputCeiling, "{}", tree.name);
        shop.nobody_is_left(tree.name).await;
        for tries in 0..8 {
            shop.prepare_trees().await;
            let request = tree
                .request(shop)
                .timeout(Duration::from_millis(500 << tries));
            let process = shop.start(&request).await;
            let (_, _, status) = shop.read_all(&process).await;
            assert_eq!(status, ExecStatus::TimedOut, "{}", tree.name);
            shop.nobody_is_left(tree.name).await;
            if shop.seen().await >= tree.children {
                break;
            }
        }
    }
}

async fn other_commands_keep_running(shop: &Workshop) {
    shop.prepare_trees().await;
    shop.says("sh ./sleeper > /dev/null 2>&1 &").await;
    let other = shop.line("sleep 3; echo other");
    let (output, ()) = tokio::join!(shop.run(&other), async {
        for _ in 0..3 {
            let request = shop.line("sleep 5000 & sleep 5000");
            let request = request.timeout(Duration::from_millis(100));
            assert_eq!(shop.run(&request).await.status, ExecStatus::TimedOut);
        }
    });
    assert_eq!(output.status, ExecStatus::Exited(0));
    assert_eq!(output.stdout.to_text(), "other\n");
    shop.until_seen(1).await;
    shop.all_live(1, "a timeout of another command").await;
}
