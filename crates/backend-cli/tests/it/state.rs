//! `--state`: one JSON document, saved as a whole, with no change lost.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use crate::support::Place;

#[test]
fn files_are_kept_from_one_command_to_the_next() {
    let place = Place::new();
    place
        .run(["--state", "s.json", "write", "a/b.txt", "text"])
        .ok();
    place
        .feed([0, 0xff], ["--state", "s.json", "write", "bytes"])
        .ok();
    assert_eq!(place.run(["ls", "--state", "s.json"]).ok(), "a/\nbytes\n");
    assert_eq!(
        place.run(["--state", "s.json", "cat", "a/b.txt"]).ok(),
        "text"
    );
    assert_eq!(
        place
            .run(["--state", "s.json", "cat", "-b", "bytes"])
            .stdout,
        [0, 0xff]
    );
    let document: serde_json::Value = serde_json::from_slice(&place.read("s.json")).unwrap();
    assert_eq!(document["files"]["/a/b.txt"]["text"], "text");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn a_document_that_did_not_change_is_not_written() {
    let place = Place::new();
    place.run(["--state", "s.json", "write", "a", "A"]).ok();
    let before = std::fs::metadata(place.at("s.json")).unwrap();
    place.run(["--state", "s.json", "ls"]).ok();
    place.run(["--state", "s.json", "rm", "-f", "nothing"]).ok();
    place
        .run([
            "--state", "s.json", "edit", "a", "--old", "A", "--new", "B", "-n",
        ])
        .ok();
    place
        .run(["--state", "s.json", "--read-only", "rm", "a"])
        .told(5);
    let after = std::fs::metadata(place.at("s.json")).unwrap();
    assert_eq!(
        (before.ino(), before.mtime_nsec()),
        (after.ino(), after.mtime_nsec())
    );
}

#[test]
fn a_document_is_created_by_a_change() {
    let place = Place::new();
    let told = place.run(["ls", "--state", "s.json"]).told(18);
    assert!(
        told.starts_with("error: --state s.json: No such file"),
        "{told}"
    );
    place.run(["--state", "s.json", "rm", "-f", "nothing"]).ok();
    assert!(!place.at("s.json").exists());
    place.run(["--state", "s.json", "rm", "nothing"]).told(3);
    assert!(!place.at("s.json").exists());
    place.run(["--state", "s.json", "rm", "nothing"]).told(3);
    assert!(!place.at("s.json").exists());
    place.run(["--state", "s.json", "mkdir", "d"]).ok();
    assert_eq!(place.run(["ls", "--state", "s.json"]).ok(), "d/\n");
}

#[test]
fn changes_before_a_failure_are_saved() {
    let place = Place::new();
    place.run(["--state", "s.json", "mkdir", "a", "b"]).ok();
    place
        .run(["--state", "s.json", "rm", "a", "nothing"])
        .told(3);
    assert_eq!(place.run(["ls", "--state", "s.json"]).ok(), "b/\n");
}

#[test]
fn the_file_keeps_its_mode_and_a_link_stays_one() {
    let place = Place::new();
    place.run(["--state", "real/../s.json", "ls"]).told(18);
    place.run(["--state", "s.json", "write", "a", "A"]).ok();
    std::fs::set_permissions(place.at("s.json"), PermissionsExt::from_mode(0o640)).unwrap();
    symlink("s.json", place.at("link.json")).unwrap();
    place.run(["--state", "link.json", "write", "a", "B"]).ok();
    assert!(place.at("link.json").is_symlink());
    assert_eq!(
        std::fs::metadata(place.at("s.json")).unwrap().mode() & 0o777,
        0o640
    );
    assert_eq!(place.run(["--state", "s.json", "cat", "a"]).ok(), "B");
}

#[test]
fn no_change_of_many_at_once_is_lost() {
    let place = Place::with(&[("s.json", "")]);
    let writers: Vec<_> = (0..12)
        .map(|number| {
            let name = format!("f{number}");
            let args = ["--state", "s.json", "write", "-q", &name, "x"];
            place.command(args).spawn().unwrap()
        })
        .collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    let listed = place.run(["ls", "--state", "s.json"]).ok();
    assert_eq!(listed.lines().count(), 12, "{listed}");
}

#[test]
fn a_document_that_another_program_changes_is_waited_for() {
    use rustix::fs::{FlockOperation, flock};
    let place = Place::with(&[("s.json", "")]);
    let held = std::fs::File::open(place.at("s.json")).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    // A reader does not wait.
    assert_eq!(place.run(["ls", "--state", "s.json"]).ok(), "");
    let told = place
        .run([
            "--state",
            "s.json",
            "--lock-timeout",
            "50ms",
            "write",
            "a",
            "A",
        ])
        .told(16);
    assert!(told.contains("another program"), "{told}");
}

#[test]
fn a_file_that_is_not_a_document_is_reported_and_left_alone() {
    let place = Place::with(&[("s.json", "{\"a\":"), ("text", "hello")]);
    let told = place.run(["--state", "s.json", "write", "a", "A"]).told(2);
    assert!(told.starts_with("error: --state s.json: "), "{told}");
    place.run(["ls", "--state", "text"]).told(2);
    assert_eq!(place.text("s.json"), "{\"a\":");
    place.run(["ls", "--state", "."]).told(18);
}

#[test]
fn a_document_of_the_python_original_is_read_and_converted() {
    let python = r#"{"/a.txt": {"content": ["one", "two"], "created_at": "", "modified_at": ""}}"#;
    let place = Place::with(&[("p.json", python)]);
    assert_eq!(
        place.run(["cat", "/a.txt", "--state", "p.json"]).ok(),
        "one\ntwo"
    );
    let ran = place.run(["--state", "p.json", "write", "b", "B"]);
    assert!(ran.stderr.contains("pydantic-ai-backend"), "{}", ran.stderr);
    assert!(place.text("p.json").contains("agent-backends-state"));
    assert_eq!(place.run(["ls", "--state", "p.json"]).ok(), "a.txt\nb\n");
}

#[test]
fn a_version_holds_from_one_command_to_the_next() {
    let place = Place::new();
    let run = |args: &[&str]| place.run(["--state", "s.json"].iter().chain(args));
    let first = run(&["write", "a", "1", "--json"]).json()["version"].clone();
    let first = first.as_str().unwrap();
    let stat = run(&["stat", "a", "--json"]).json();
    assert_eq!(stat["results"][0]["version"], first);
    assert_eq!(
        run(&["ls", "--json"]).json()["entries"][0]["version"],
        first
    );
    run(&["write", "a", "2", "--expect", first]).ok();
    let refused = run(&["write", "a", "3", "--expect", first, "--json"]).json();
    assert_eq!(refused["error"]["kind"], "conflict");
    let second = refused["error"]["current"].as_str().unwrap();
    run(&["edit", "a", "--old", "2", "--new", "3", "--expect", second]).ok();
    run(&["rm", "a", "--expect", second]).told(12);
    // The same content again is another version.
    let third = run(&["stat", "a", "--json"]).json()["results"][0]["version"].clone();
    run(&["write", "a", "3"]).ok();
    run(&["rm", "a", "--expect", third.as_str().unwrap()]).told(12);
}
