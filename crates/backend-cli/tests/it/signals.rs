//! Ctrl-C and similar signals: the command is ended with everything that it started.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::support::Place;

/// Starts a command that prints the process that it has started, and waits for that.
fn start(place: &Place) -> (Child, Pid) {
    let line = "setsid sh -c 'trap \"\" TERM INT HUP; echo $$; exec sleep 600' & wait";
    let mut command = place.command(["exec", "--no-isolation", "-c", line]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pid = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut pid)
        .unwrap();
    (child, Pid::from_raw(pid.trim().parse().unwrap()).unwrap())
}

#[track_caller]
fn ends_with(signal: Signal, code: i32) {
    let place = Place::new();
    let (mut child, started) = start(&place);
    kill_process(Pid::from_child(&child), signal).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(code));
    assert!(
        test_kill_process(started).is_err(),
        "{started:?} still runs"
    );
}

#[test]
fn an_interrupt_ends_the_whole_tree() {
    ends_with(Signal::INT, 130);
}

#[test]
fn a_termination_ends_the_whole_tree() {
    ends_with(Signal::TERM, 143);
}

#[test]
fn a_hangup_ends_the_whole_tree() {
    ends_with(Signal::HUP, 129);
}

#[test]
fn a_kill_ends_the_whole_tree_too() {
    let place = Place::new();
    let (mut child, started) = start(&place);
    child.kill().unwrap();
    child.wait().unwrap();
    // No process is left to wait for it: the tree's own supervisor ends it.
    while test_kill_process(started).is_ok() {
        std::thread::yield_now();
    }
}

#[test]
fn an_interrupted_change_of_a_document_is_not_saved() {
    let place = Place::with(&[("s.json", "")]);
    let mut command = place.command(["--state", "s.json", "write", "a"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let _ = child.wait().unwrap();
    assert_eq!(place.text("s.json"), "");
}

/// Returns the program as a command that may write no file of more than 51,200 bytes.
fn limited<const N: usize>(place: &Place, args: [&str; N]) -> crate::support::Ran {
    let mut command = place.command(args);
    let mut limited = std::process::Command::new("sh");
    // In units of 512 bytes, as POSIX has it; bash as `sh` takes it so too.
    limited
        .args(["-c", "ulimit -f 100 && exec \"$@\"", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(place.path());
    std::mem::swap(&mut command, &mut limited);
    crate::support::Ran::of(command.stdin(Stdio::null()).output().unwrap())
}

#[test]
fn a_limit_on_the_size_of_files_refuses_a_write_and_ends_nothing() {
    let place = Place::with(&[("f", "old"), ("big", &"x".repeat(500_000))]);
    let ran = limited(&place, ["write", "f", "--from", "big"]);
    assert_eq!(ran.code, 13, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("bytes in one file: at most 51200"),
        "{}",
        ran.stderr
    );
    assert_eq!(place.text("f"), "old");
    let mut names: Vec<_> = std::fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["big", "f"]);
}

#[test]
fn a_command_is_still_ended_by_its_limit_on_the_size_of_files() {
    let place = Place::new();
    let line = "exec head -c 500000 /dev/zero > g";
    let ran = limited(&place, ["exec", "--no-isolation", "-c", line]);
    let signal = 128 + Signal::XFSZ.as_raw();
    assert_eq!(ran.code, signal, "{}", ran.stderr);
}
