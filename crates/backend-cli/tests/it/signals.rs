//! Ctrl-C and its like: what runs is ended, with all that it started.

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
    // Nobody is left to wait for it: the tree's own supervisor ends it.
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
