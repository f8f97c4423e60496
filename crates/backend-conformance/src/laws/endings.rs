//! Laws about how commands end.

use backend_core::ExecStatus;
use futures_util::{StreamExt, stream};

use crate::Workshop;
use crate::workshop::LONG;

#[doc(hidden)]
#[macro_export]
macro_rules! __ending_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args endings;
            CX1 every_exit_code_is_reported
                "A command that exits is `exited` with its code, each from 0 to 255.";
            CX2 no_code_means_anything_else
                "124, 125, 137 and 143 are codes like others: only `timed_out` is a timeout, only `signaled` a signal.";
            CX3 a_signal_is_reported
                "A command that is killed by a signal is `signaled` with its number, whichever process sent it.";
            CX4 a_program_that_is_not_there_is_127
                "A program that is not there ends with 127, one line on the standard error and nothing printed.";
            CX5 a_program_that_cannot_be_run_is_126
                "A file that is not a program, and a directory, end with 126 and one line on the standard error.";
            CX6 a_shell_says_the_same_of_its_programs
                "A shell line has the shell's codes, 127 and 126 too, and the code of its last command.";
            CX7 a_program_that_was_just_written_runs
                "A script that a command has written and made executable runs in the next one, whatever else runs.";
            CX8 only_the_end_of_the_command_counts
                "A child that fails or is killed does not decide the status of the command.";
        }
    };
}

crate::__ending_laws! { registry_of_area [Commands] }

async fn every_exit_code_is_reported(shop: &Workshop) {
    // A few at a time: only the codes matter.
    let codes = stream::iter(0..=255).map(|code| async move {
        let output = shop.sh(&format!("exit {code}")).await;
        assert_eq!(output.status, ExecStatus::Exited(code));
        assert_eq!(output.status.is_success(), code == 0);
    });
    codes.buffer_unordered(8).collect::<()>().await;
    assert_eq!(
        shop.run(&shop.words(["false"])).await.status,
        ExecStatus::Exited(1)
    );
}

async fn no_code_means_anything_else(shop: &Workshop) {
    for code in [124, 125, 126, 127, 129, 130, 137, 143, 255] {
        for timeout in [Some(LONG), None] {
            let request = shop.line(format!("echo out; exit {code}")).timeout(timeout);
            let output = shop.run(&request).await;
            assert_eq!(output.status, ExecStatus::Exited(code));
            assert_eq!(output.stdout.to_text(), "out\n");
        }
    }
    // A shell turns a signal into a code.
    let output = shop.sh("sh -c 'kill -9 $$'; exit $?").await;
    assert_eq!(output.status, ExecStatus::Exited(137));
}

async fn a_signal_is_reported(shop: &Workshop) {
    for (name, number) in [
        ("TERM", 15),
        ("KILL", 9),
        ("HUP", 1),
        ("INT", 2),
        ("PIPE", 13),
        ("USR1", 10),
        ("ALRM", 14),
    ] {
        let output = shop
            .sh(&format!("echo before; kill -{name} $$; sleep 5000"))
            .await;
        assert_eq!(output.status, ExecStatus::Signaled(number), "{name}");
        assert_eq!(output.stdout.to_text(), "before\n", "{name}");
    }
    let output = shop
        .sh("(sleep 0.1; kill -9 $$) > /dev/null 2>&1 & exec sleep 5000")
        .await;
    assert_eq!(output.status, ExecStatus::Signaled(9));
}

async fn a_program_that_is_not_there_is_127(shop: &Workshop) {
    let made = "echo x > file; printf '#!/no/such/interpreter\\n' > script; chmod +x script";
    shop.says(made).await;
    for program in [
        "no-such-program",
        "./no-such",
        "/no/such/program",
        "file/x",
        "",
        "./script",
    ] {
        let output = shop.run(&shop.words([program, "an argument"])).await;
        assert_eq!(
            output.status,
            ExecStatus::Exited(127),
            "{program:?}: {output:?}"
        );
        one_line(&output.stderr.to_text());
        assert_eq!(output.stdout.total(), 0, "{program:?}");
    }
}

async fn a_program_that_cannot_be_run_is_126(shop: &Workshop) {
    shop.says("echo 'echo hi' > plain; mkdir directory; : > empty; chmod 644 plain empty")
        .await;
    for program in ["./plain", "./directory", "./empty", "/"] {
        let output = shop.run(&shop.words([program])).await;
        assert_eq!(
            output.status,
            ExecStatus::Exited(126),
            "{program}: {output:?}"
        );
        one_line(&output.stderr.to_text());
        assert_eq!(output.stdout.total(), 0, "{program}");
    }
}

#[track_caller]
fn one_line(text: &str) {
    assert_eq!(text.lines().count(), 1, "{text:?}");
    assert!(text.ends_with('\n'), "{text:?}");
}

async fn a_shell_says_the_same_of_its_programs(shop: &Workshop) {
    shop.says("echo x > plain; chmod 644 plain").await;
    for (line, code) in [
        ("no-such-program", 127),
        ("./plain", 126),
        ("/", 126),
        ("false; true", 0),
        ("true; false", 1),
        ("false | true", 0),
        ("true | false", 1),
        ("set -e; false; echo never", 1),
        ("exit 3; exit 4", 3),
        ("trap 'exit 5' EXIT; exit 4", 5),
    ] {
        let output = shop.sh(line).await;
        assert_eq!(
            output.status,
            ExecStatus::Exited(code),
            "{line}: {output:?}"
        );
        assert_eq!(output.stdout.total(), 0, "{line}");
    }
}

async fn a_program_that_was_just_written_runs(shop: &Workshop) {
    let rounds = stream::iter(0..40).map(|round| async move {
        let name = format!("program{round}");
        shop.says(&format!(
            "printf '#!/bin/sh\\necho {round}\\n' > {name}; chmod +x {name}"
        ))
        .await;
        let request = shop.words([format!("./{name}")]);
        assert_eq!(shop.printed(&request).await, format!("{round}\n"));
    });
    rounds.buffer_unordered(4).collect::<()>().await;
}

async fn only_the_end_of_the_command_counts(shop: &Workshop) {
    for line in [
        "sh -c 'exit 9'; true",
        "sh -c 'kill -9 $$'; true",
        "sh -c 'kill -SEGV $$'; exit 0",
        "no-such-program; true",
        "sleep 5000 & kill -9 $!; wait; true",
    ] {
        let output = shop.sh(line).await;
        assert_eq!(output.status, ExecStatus::Exited(0), "{line}: {output:?}");
    }
}
