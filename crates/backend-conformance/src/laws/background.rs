//! Laws about what a command leaves running when it exits.

use std::time::Duration;

use backend_core::{BackendExt, ExecStatus};

use crate::Workshop;
use crate::workshop::{TOOLS, within};

#[doc(hidden)]
#[macro_export]
macro_rules! __background_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args background;
            CB1 a_background_child_delays_nothing
                "A command that ends is answered, even if a child of it keeps running and holds its streams.";
            CB2 a_background_child_keeps_running
                "A process that a command left in the background keeps running when the command has exited.";
            CB3 all_output_of_the_command_is_returned
                "What the command itself printed is in the answer to the last byte, whichever process holds its streams.";
            CB4 a_child_that_keeps_printing_is_not_stopped
                "A child that keeps printing after the answer is neither stopped nor killed by that.";
            CB5 a_background_log_keeps_growing [SharedFiles]
                "`nohup program > log 2>&1 &` works: the log grows after the answer, and can be read.";
            CB6 a_command_can_wait_for_its_children
                "A line that waits for its children is answered when they have ended, with what they printed.";
        }
    };
}

crate::__background_laws! { registry_of_area [Commands] }

/// Ways to leave a process behind. `@` is the process that stays.
const WAYS: &[&str] = &[
    "@ & echo started",
    "(@ &); echo started",
    "setsid @ & echo started",
    "nohup @ > log 2>&1 & echo started",
    "@ < /dev/null > /dev/null 2>&1 & echo started",
    "trap '' HUP; @ & echo started; exit 0",
];

async fn a_background_child_delays_nothing(shop: &Workshop) {
    for way in WAYS {
        shop.prepare_trees().await;
        let line = format!("{TOOLS}{}", way.replace('@', "sh ./sleeper"));
        // Without a timeout: it is answered, or the law never ends.
        let output = shop.run(&shop.line(&line).timeout(None)).await;
        assert_eq!(output.status, ExecStatus::Exited(0), "{line}");
        assert_eq!(output.stdout.to_text(), "started\n", "{line}");
        one_lives(shop, &line).await;
    }
}

/// Checks that one child is alive, and ends it.
async fn one_lives(shop: &Workshop, after: &str) {
    shop.until_seen(1).await;
    shop.all_live(1, after).await;
}

async fn a_background_child_keeps_running(shop: &Workshop) {
    shop.prepare_trees().await;
    shop.says("sh ./sleeper & :").await;
    for round in 0..5 {
        // No later command ends it either, however that command ends.
        let request = shop.line("sleep 5000").timeout(Duration::from_millis(50));
        shop.run(&request).await;
        assert_eq!(
            shop.says(&format!("echo {round}")).await,
            format!("{round}\n")
        );
    }
    one_lives(shop, "later commands").await;
}

async fn all_output_of_the_command_is_returned(shop: &Workshop) {
    let all: String = (0..20_000).map(|number| format!("{number}\n")).collect();
    shop.give("all", all.clone()).await;
    for _ in 0..20 {
        let request = shop.line("sleep 5 & cat all; cat all >&2").timeout(None);
        let output = shop.run(&request).await;
        assert!(output.stdout.head == all, "{} bytes", output.stdout.total());
        assert!(output.stderr.head == all, "{} bytes", output.stderr.total());
    }
}

async fn a_child_that_keeps_printing_is_not_stopped(shop: &Workshop) {
    // It continues until the check ends it, so there is always more to come, however late the check runs.
    let line = "(n=0; while [ ! -e enough ]; do n=$((n + 1)); \
                printf %01000d $n; echo $n > count; done) & echo started";
    let output = shop.run(&shop.line(line).timeout(None)).await;
    assert_eq!(output.status, ExecStatus::Exited(0));
    assert!(output.stdout.to_text().contains("started\n"));
    // More than any pipe holds, and nothing reads it.
    let line = "a=$(cat count); n=0; while b=$(cat count); [ \"${b:-0}\" -lt $((${a:-0} + 2000)) ]; do \
                n=$((n + 1)); if [ $n -gt 1000 ]; then echo stuck; break; fi; sleep 0.05; done; : > enough";
    assert_eq!(shop.says(line).await, "");
}

async fn a_background_log_keeps_growing(shop: &Workshop) {
    let files = shop.files();
    let child = "echo one; while [ ! -e go ]; do sleep 0.05; done; echo two";
    shop.says(&format!("{TOOLS}nohup sh -c '{child}' > log 2>&1 &"))
        .await;
    files.put("/go", "").await;
    // `nohup` may first print a line about its input.
    within("a log", async {
        while !files
            .read("/log")
            .await
            .unwrap()
            .text
            .ends_with("one\ntwo\n")
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

async fn a_command_can_wait_for_its_children(shop: &Workshop) {
    let line =
        "for n in 1 2 3; do (sleep 0.3; echo $n > f$n; echo done) & done; wait; cat f1 f2 f3";
    assert_eq!(shop.says(line).await, "done\ndone\ndone\n1\n2\n3\n");
}
