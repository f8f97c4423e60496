//! Laws about timeouts.

use std::time::Duration;

use backend_core::ExecStatus;
use futures_util::future::join_all;

use crate::Workshop;
use crate::workshop::LONG;

#[doc(hidden)]
#[macro_export]
macro_rules! __deadline_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args deadlines;
            CD1 a_timeout_is_an_outcome
                "A command that is not done in time is `timed_out`, not an error, and took at least its timeout.";
            CD2 a_timeout_returns_what_was_printed
                "What a command printed before its timeout, on both streams, is in the outcome.";
            CD3 the_deadline_counts_from_the_call
                "The timeout counts from the call: one that passes before the command starts is `timed_out`.";
            CD4 a_command_done_in_time_is_left_alone
                "A command that is done in time ends as it would without a timeout, however long that is; `None` sets no limit.";
            CD5 no_command_evades_a_timeout
                "A command that ignores signals, closes its streams, stops itself or only waits for a child is `timed_out`.";
            CD6 each_command_has_its_own_timeout
                "Commands that run at the same time each have their own timeout.";
            CD7 a_timeout_leaves_the_sandbox_usable
                "After a timeout the sandbox is alive, and runs the next command.";
        }
    };
}

crate::__deadline_laws! { registry_of_area [Commands] }

const SHORT: Duration = Duration::from_millis(300);

async fn a_timeout_is_an_outcome(shop: &Workshop) {
    for request in [shop.line("sleep 5000"), shop.words(["sleep", "5000"])] {
        let output = shop.run(&request.timeout(SHORT)).await;
        assert_eq!(output.status, ExecStatus::TimedOut);
        assert!(!output.status.is_success());
        assert!(output.elapsed >= SHORT, "{:?}", output.elapsed);
    }
}

async fn a_timeout_returns_what_was_printed(shop: &Workshop) {
    let line = "echo out; echo err >&2; printf rest; (echo child); sleep 5000";
    // As much time as a busy machine needs to get there.
    for tries in 0..6 {
        let request = shop.line(line).timeout(Duration::from_millis(500 << tries));
        let output = shop.run(&request).await;
        assert_eq!(output.status, ExecStatus::TimedOut);
        let shown = (output.stdout.to_text(), output.stderr.to_text());
        if shown == ("out\nrestchild\n".to_owned(), "err\n".to_owned()) {
            return;
        }
        assert!("out\nrestchild\n".starts_with(&shown.0), "{shown:?}");
        assert!("err\n".starts_with(&shown.1), "{shown:?}");
    }
    panic!("what it printed at once is not in what it returns");
}

async fn the_deadline_counts_from_the_call(shop: &Workshop) {
    for nanoseconds in [1, 1000, 1_000_000] {
        let request = shop
            .line("sleep 5000")
            .timeout(Duration::from_nanos(nanoseconds));
        let output = shop.run(&request).await;
        assert_eq!(output.status, ExecStatus::TimedOut);
    }
    let request = shop.line("true").timeout(Duration::from_nanos(1));
    assert_eq!(shop.run(&request).await.status, ExecStatus::TimedOut);
}

async fn a_command_done_in_time_is_left_alone(shop: &Workshop) {
    for timeout in [
        Some(LONG),
        Some(Duration::MAX),
        Some(Duration::from_secs(u64::MAX)),
        None,
    ] {
        let request = shop.line("echo done; exit 3").timeout(timeout);
        let output = shop.run(&request).await;
        assert_eq!(output.status, ExecStatus::Exited(3), "{timeout:?}");
        assert_eq!(output.stdout.to_text(), "done\n");
    }
}

async fn no_command_evades_a_timeout(shop: &Workshop) {
    for line in [
        "trap '' TERM INT HUP QUIT; while :; do sleep 1; done",
        "exec >&- 2>&-; sleep 5000",
        "exec <&- >&- 2>&-; trap '' TERM; sleep 5000; sleep 5000",
        "kill -STOP $$; sleep 5000",
        "sleep 5000 & wait",
        "(sleep 5000 & sleep 5000)",
        "yes > /dev/null",
        "while :; do echo x; done",
    ] {
        let output = shop.run(&shop.line(line).timeout(SHORT)).await;
        assert_eq!(output.status, ExecStatus::TimedOut, "{line}");
    }
}

async fn each_command_has_its_own_timeout(shop: &Workshop) {
    let calls = (0..12_u64).map(|number| async move {
        let late = number % 3 == 0;
        let line = if late {
            "sleep 5000"
        } else {
            "sleep 1; echo done"
        };
        let timeout = if late {
            Duration::from_millis(50 * (number + 1))
        } else {
            LONG
        };
        let output = shop.run(&shop.line(line).timeout(timeout)).await;
        let wanted = if late {
            ExecStatus::TimedOut
        } else {
            ExecStatus::Exited(0)
        };
        assert_eq!(output.status, wanted, "{number}");
    });
    join_all(calls).await;
}

async fn a_timeout_leaves_the_sandbox_usable(shop: &Workshop) {
    for round in 0..5 {
        let request = shop.line("sleep 5000").timeout(Duration::from_millis(20));
        assert_eq!(shop.run(&request).await.status, ExecStatus::TimedOut);
        assert!(shop.sandbox().liveness().await.is_alive());
        assert_eq!(
            shop.says(&format!("echo {round}")).await,
            format!("{round}\n")
        );
    }
}
