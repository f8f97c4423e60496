//! Readers that stop reading: a quiet end, and never a panic.

use std::io::Read;
use std::process::Stdio;

use crate::support::{Place, Ran};

#[track_caller]
fn stops_quietly(place: &Place, args: &[&str], codes: &[i32]) {
    let mut command = place.command(args);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut first = [0; 1];
    output.read_exact(&mut first).unwrap();
    drop(output);
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert!(codes.contains(&ran.code), "{args:?}: {ran:?}");
    assert_eq!(ran.stderr, "", "{args:?}");
}

#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let place = Place::with(&[("big", &"line of text\n".repeat(1 << 20))]);
    for name in 0..3000 {
        place.put(&format!("d/{name:0>200}"), "x");
    }
    stops_quietly(&place, &["cat", "big"], &[141]);
    stops_quietly(&place, &["cat", "-n", "big"], &[141]);
    stops_quietly(&place, &["cat", "--bytes", "big"], &[141]);
    stops_quietly(&place, &["ls", "d", "-q"], &[141]);
    stops_quietly(&place, &["glob", "**", "--limit", "9999"], &[141]);
    stops_quietly(&place, &["grep", "x", "d", "--limit", "9999"], &[141]);
    stops_quietly(&place, &["ls", "d", "--json"], &[141]);
    stops_quietly(&place, &["exec", "--no-isolation", "--", "yes"], &[141]);
    // Output that fits into the pipe may have been written before the reader looked.
    stops_quietly(&place, &["--help"], &[0, 141]);
    stops_quietly(&place, &["completions", "bash"], &[0, 141]);
}

#[test]
fn a_change_is_saved_even_if_its_output_is_closed() {
    let place = Place::new();
    let mut command = place.command(["--state", "s.json", "write", "a", "A"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = Ran::of(command.stdout(writer).output().unwrap());
    assert_eq!(ran.code, 141, "{ran:?}");
    assert_eq!(ran.stderr, "");
    assert_eq!(place.run(["--state", "s.json", "cat", "a"]).ok(), "A");
}

#[test]
fn a_full_disk_is_reported() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        println!("skipped: there is no /dev/full");
        return;
    };
    let place = Place::with(&[("a", "A")]);
    let ran = Ran::of(place.command(["cat", "a"]).stdout(full).output().unwrap());
    assert_eq!(ran.code, 18);
    assert!(
        ran.stderr.contains("an output stream: No space"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_closed_standard_error_changes_nothing() {
    let place = Place::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = Ran::of(
        place
            .command(["cat", "nothing"])
            .stderr(writer)
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, 3);
}
