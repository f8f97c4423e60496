//! The help texts, as they are. `UPDATE_GOLDEN=1` writes them anew, to be looked at in the diff.

use crate::support::{PROGRAM, Place};

#[cfg(feature = "docker")]
const COMMANDS: &[&str] = &[
    "ls",
    "stat",
    "cat",
    "write",
    "edit",
    "cp",
    "mv",
    "rm",
    "mkdir",
    "glob",
    "grep",
    "exec",
    "mcp",
    "runtimes",
    "sandboxes",
    "sessions",
    "doctor",
    "completions",
    "man",
];

/// Compares a text with the one in `golden`. The texts are those of a program with all features.
#[cfg(feature = "docker")]
#[track_caller]
fn golden(name: &str, text: &str) {
    let path = format!("{}/tests/it/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    // The end of a line has no meaning in a help text.
    let text: String = text
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let want = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == want,
        "{name} differs from {path}; it is now:\n{text}"
    );
}

#[cfg(feature = "docker")]
fn help(place: &Place, args: &[&str]) -> String {
    let mut command = place.command(args);
    let output = command.env("COLUMNS", "100").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[cfg(feature = "docker")]
#[test]
fn the_help_of_the_program_is_as_it_was() {
    let place = Place::new();
    golden("help", &help(&place, &["--help"]));
    golden("help-short", &help(&place, &["-h"]));
}

#[cfg(feature = "docker")]
#[test]
fn the_help_of_each_command_is_as_it_was() {
    let place = Place::new();
    for name in COMMANDS {
        golden(name, &help(&place, &[name, "--help"]));
    }
    golden(
        "sandboxes-clean",
        &help(&place, &["sandboxes", "clean", "--help"]),
    );
    for action in ["list", "stats", "clean"] {
        let text = help(&place, &["sessions", action, "--help"]);
        golden(&format!("sessions-{action}"), &text);
    }
}

#[cfg(feature = "docker")]
#[test]
fn every_command_is_in_this_list() {
    let commands = backend_cli::command();
    let names: Vec<_> = commands
        .get_subcommands()
        .map(|sub| sub.get_name())
        .collect();
    assert_eq!(names, COMMANDS);
}

#[test]
fn every_argument_is_explained() {
    let mut command = backend_cli::command();
    command.build();
    for sub in command.get_subcommands() {
        assert!(sub.get_about().is_some(), "{}", sub.get_name());
        for arg in sub.get_arguments() {
            let (sub, arg_id) = (sub.get_name(), arg.get_id());
            assert!(
                arg.get_help().is_some() || arg.is_hide_set(),
                "{sub} {arg_id}"
            );
        }
    }
}

#[test]
fn no_arguments_show_the_help_and_are_a_mistake() {
    let ran = Place::new().run([""; 0]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("Usage:"), "{ran:?}");
    let version = Place::new().run(["--version"]).ok();
    assert_eq!(
        version,
        format!("agent-backends {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert!(PROGRAM.ends_with("agent-backends"));
}

#[test]
fn colours_are_used_when_they_are_asked_for_and_not_in_a_pipe() {
    let place = Place::with(&[("d/x", "")]);
    assert_eq!(place.run(["ls"]).ok(), "d/\n");
    let colored = place.run(["ls", "--color", "always"]).ok();
    assert!(colored.starts_with("\u{1b}["), "{colored:?}");
    let mut command = place.command(["ls"]);
    let forced = command.env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(forced.stdout.starts_with(b"\x1b["));
    let refused = command.env("NO_COLOR", "1").output().unwrap();
    assert_eq!(refused.stdout, b"d/\n");
}
