//! Laws about what a command is given, and what it is not: the environment of its caller.

use std::collections::BTreeMap;

use backend_core::{ExecRequest, ExecStatus};

use crate::Workshop;

#[doc(hidden)]
#[macro_export]
macro_rules! __environment_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args environment;
            CE1 the_request_adds_variables
                "Variables of the request arrive byte for byte: empty ones, with line breaks, quotes and `=` in them.";
            CE2 the_request_replaces_variables
                "A variable of the request replaces that of the sandbox, `PATH` and `HOME` too, for this command alone.";
            CE3 a_command_has_the_usual_variables
                "`PATH`, `HOME` and `LANG` are set, and `TERM` is `dumb`.";
            CE4 no_variable_of_the_host_is_inherited
                "No variable of the calling process is in a command, nor in the process that it runs in.";
            CE5 programs_are_looked_for_in_the_path_of_the_command
                "The program of `argv` is looked for in the `PATH` that the command gets, relative directories included.";
            CE6 the_streams_are_all_that_is_open
                "A command has its three streams and no other descriptor.";
            CE7 no_signal_is_ignored
                "Signals do what they do by default: a command that prints into a closed pipe ends silently.";
            CE8 there_is_no_terminal
                "Without a terminal in the request, no stream is a terminal, and there is none to open.";
        }
    };
}

crate::__environment_laws! { registry_of_area [Commands] }

/// Variables that any system may have, whose values may be equal by chance.
const COMMON: &[&str] = &[
    "CI",
    "DEBIAN_FRONTEND",
    "EDITOR",
    "GIT_PAGER",
    "HOME",
    "HOSTNAME",
    "LANG",
    "LC_ALL",
    "LOGNAME",
    "OLDPWD",
    "PAGER",
    "PATH",
    "PWD",
    "SHELL",
    "SHLVL",
    "TERM",
    "TZ",
    "USER",
    "_",
];

async fn variables(shop: &Workshop, request: &ExecRequest) -> BTreeMap<String, String> {
    // Each in its own row, which no value can fake: names have no line break before the `=`.
    let printed = shop.printed(request).await;
    let pairs = printed.split_terminator('\0');
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

async fn the_request_adds_variables(shop: &Workshop) {
    let values = [
        "",
        " ",
        "a=b",
        "two\nlines\n",
        "it's \"$HOME\" `ls` \\",
        "ü 日本",
        "\t\u{1}",
    ];
    let mut request = shop
        .line("for n in 0 1 2 3 4 5 6; do eval \"printf '%s|' \\\"\\${LAW_$n-unset}\\\"\"; done");
    for (number, value) in values.iter().enumerate() {
        request = request.env(format!("LAW_{number}"), *value);
    }
    assert_eq!(shop.printed(&request).await, values.join("|") + "|");
    // And without a shell.
    let request = shop.words(["env"]).env("LAW", "two\nlines = 'x'\n");
    let shown = shop.printed(&request).await;
    assert!(shown.contains("LAW=two\nlines = 'x'\n\n"), "{shown}");
}

async fn the_request_replaces_variables(shop: &Workshop) {
    let line = "echo \"$HOME|$LANG|$TERM|$LAW\"";
    let before = shop.says(line).await;
    let request = shop
        .line(line)
        .env("HOME", "/somewhere")
        .env("LANG", "C")
        .env("TERM", "other")
        .env("LAW", "new");
    assert_eq!(shop.printed(&request).await, "/somewhere|C|other|new\n");
    assert_eq!(shop.says(line).await, before);
    assert!(before.ends_with("|\n"), "{before}");
}

async fn a_command_has_the_usual_variables(shop: &Workshop) {
    let line =
        "for n in PATH HOME LANG; do eval \"test -n \\\"\\$$n\\\"\" || echo $n; done; echo $TERM";
    assert_eq!(shop.says(line).await, "dumb\n");
    // Exported, not only known to the shell; and a home that is there.
    let shown = shop.printed(&shop.words(["env"])).await;
    for name in ["PATH=", "HOME=", "LANG=", "TERM=dumb"] {
        assert!(
            shown.lines().any(|line| line.starts_with(name)),
            "{name}: {shown}"
        );
    }
    assert_eq!(
        shop.says("cd ~ && test -d \"$HOME\" && echo there").await,
        "there\n"
    );
}

async fn no_variable_of_the_host_is_inherited(shop: &Workshop) {
    let given = |name: &String| COMMON.contains(&name.as_str()) || shop.gives(name);
    let own: Vec<(String, String)> = std::env::vars()
        .filter(|(name, value)| !given(name) && !value.is_empty())
        .collect();
    let files = "cat /proc/self/environ";
    for request in [
        shop.words(["env", "-0"]),
        shop.words(["cat", "/proc/self/environ"]),
        shop.line(files),
        shop.line(format!("sh -c '{files}'")),
    ] {
        let output = shop.run(&request).await;
        if output.status != ExecStatus::Exited(0) {
            // No `env -0`, or no `/proc`.
            continue;
        }
        let found = variables(shop, &request).await;
        assert!(found.contains_key("PATH"), "{found:?}");
        for (name, value) in &own {
            assert_ne!(found.get(name), Some(value), "{name} is inherited");
        }
    }
    let set = shop.says("set").await;
    for (name, value) in &own {
        let leaked = [
            format!("\n{name}={value}\n"),
            format!("\n{name}='{value}'\n"),
        ];
        let leaks = leaked.iter().any(|line| set.contains(line));
        assert!(!leaks, "{name} is inherited");
    }
}

async fn programs_are_looked_for_in_the_path_of_the_command(shop: &Workshop) {
    let made = "mkdir tools && printf '#!/bin/sh\\necho \"ran $1\"\\n' > tools/law-tool && \
                chmod +x tools/law-tool && pwd -P";
    let here = shop.says(made).await;
    let absolute = format!("{}/tools", here.trim_end_matches(['\n', '/']));
    let tool = || shop.words(["law-tool", "x"]);
    for path in [&absolute, "tools", &format!("/no/such:{absolute}:/bin")] {
        let request = tool().env("PATH", path);
        assert_eq!(shop.printed(&request).await, "ran x\n", "{path}");
    }
    let output = shop.run(&tool()).await;
    assert_eq!(output.status, ExecStatus::Exited(127), "{output:?}");
    let request = shop.words(["ls"]).env("PATH", "/no/such");
    let output = shop.run(&request).await;
    assert_eq!(output.status, ExecStatus::Exited(127), "{output:?}");
}

async fn the_streams_are_all_that_is_open(shop: &Workshop) {
    let output = shop.run(&shop.words(["ls", "-1", "/proc/self/fd"])).await;
    if output.status == ExecStatus::Exited(0) {
        // The fourth is the directory that `ls` reads.
        assert_eq!(output.stdout.to_text(), "0\n1\n2\n3\n");
    }
    // Where there is no `/proc`: a descriptor that is not open cannot be duplicated.
    let line = "for fd in 3 4 5 6 7 8 9; do (eval \": >&$fd\") 2> /dev/null && echo $fd; done; :";
    assert_eq!(shop.says(line).await, "");
}

async fn no_signal_is_ignored(shop: &Workshop) {
    let output = shop.sh("yes | head -n 1").await;
    let shown = (
        output.status,
        output.stdout.to_text(),
        output.stderr.to_text(),
    );
    assert_eq!(
        shown,
        (ExecStatus::Exited(0), "y\n".to_owned(), String::new())
    );
    let request = shop.words(["grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"]);
    let output = shop.run(&request).await;
    if output.status == ExecStatus::Exited(0) {
        for line in output.stdout.to_text().lines() {
            let (name, mask) = line.split_once(":\t").expect("a name and a mask");
            assert_eq!(u64::from_str_radix(mask, 16), Ok(0), "{name}");
        }
    }
}

async fn there_is_no_terminal(shop: &Workshop) {
    let line = "for fd in 0 1 2; do test -t $fd && echo $fd; done; (: < /dev/tty) 2> /dev/null && echo tty; :";
    assert_eq!(shop.says(line).await, "");
}
