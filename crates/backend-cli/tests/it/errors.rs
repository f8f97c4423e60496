//! Exit codes and the JSON of errors: one of each kind that a person can cause.

use std::os::unix::fs::symlink;

use crate::support::Place;

#[track_caller]
fn check(place: &Place, args: &[&str], kind: &str, code: i32) {
    let ran = place.run(args);
    assert_eq!(ran.code, code, "{args:?}: {ran:?}");
    assert!(ran.stderr.starts_with("error: "), "{args:?}: {ran:?}");
    let ran = place.run(["--json"].iter().chain(args));
    assert_eq!(ran.code, code, "{args:?}: {ran:?}");
    let document = ran.json();
    let error = match &document["results"] {
        serde_json::Value::Array(results) => &results[0]["error"],
        _ => &document["error"],
    };
    assert_eq!(error["kind"], kind, "{args:?}: {document}");
    assert_eq!(error["exit_code"], code, "{args:?}: {document}");
    assert_ne!(error["message"].as_str().unwrap(), "", "{args:?}");
}

#[test]
fn every_kind_has_its_code() {
    let place = Place::with(&[("file", "text text"), ("d/x", ""), ("bytes", "\0")]);
    symlink("/etc", place.at("out")).unwrap();
    for (args, kind, code) in [
        (["cat", "a/../b"].as_slice(), "invalid_path", 2),
        (&["ls", "~"], "invalid_path", 2),
        (&["grep", "("], "invalid_pattern", 2),
        (&["rm", "d"], "invalid_request", 2),
        (&["cat", "nothing"], "not_found", 3),
        (&["write", "file", "x", "--create"], "already_exists", 4),
        (&["cat", "out/passwd"], "permission_denied", 5),
        (&["ls", "file"], "not_a_directory", 6),
        (&["cat", "d"], "is_a_directory", 7),
        (&["cat", "bytes"], "not_text", 8),
        (
            &["edit", "file", "--old", "x", "--new", "y", "--dry-run"],
            "ambiguous_match",
            11,
        ),
        (
            &["edit", "file", "--old", "z", "--new", "y"],
            "no_match",
            10,
        ),
        (&["write", "file", "--from", "nothing"], "host", 18),
    ] {
        check(&place, args, kind, code);
    }
}

#[test]
fn mistakes_in_the_arguments_are_json_too() {
    let place = Place::new();
    for args in [
        ["ls", "--bogus"].as_slice(),
        &["nothing"],
        &["write"],
        &["cat", "a", "--lines", "5:4"],
        &["ls", "--root", "a", "--state", "b"],
        &["exec"],
        &["cp", "host:a", "host:b"],
    ] {
        check(&place, args, "usage", 2);
    }
}

#[test]
fn json_after_the_double_dash_is_not_our_option() {
    let place = Place::new();
    let ran = place.run(["exec", "--bogus", "--", "x", "--json"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stdout.is_empty());
}

#[test]
fn a_root_that_is_not_there_is_named() {
    let place = Place::with(&[("file", "")]);
    let told = place.run(["ls", "--root", "no/such"]).told(2);
    assert!(told.starts_with("error: --root no/such: "), "{told}");
    place.run(["ls", "--root", "file"]).told(2);
}

#[test]
fn nothing_outside_of_the_root_is_reached() {
    let place = Place::with(&[("in/a", ""), ("secret", "S")]);
    symlink("../secret", place.at("in/link")).unwrap();
    symlink("..", place.at("in/up")).unwrap();
    for args in [
        ["cat", "link"].as_slice(),
        &["cat", "up/secret"],
        &["write", "link", "x"],
        &["cp", "up/secret", "copy"],
        &["ls", "up"],
    ] {
        let ran = place.run(["--root", "in"].iter().chain(args));
        assert_eq!(ran.code, 5, "{args:?}: {ran:?}");
    }
    assert_eq!(place.text("secret"), "S");
    assert!(!place.at("in/copy").exists());
}

#[test]
fn an_argument_that_is_not_utf_8_is_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let odd = OsStr::from_bytes(b"\xff");
    assert_eq!(place.run([OsStr::new("cat"), odd]).code, 2);
    assert_eq!(
        place
            .run([OsStr::new("ls"), OsStr::new("--root"), odd])
            .code,
        2
    );
    std::fs::create_dir(place.at(odd)).unwrap();
    place
        .run([OsStr::new("ls"), OsStr::new("--root"), odd])
        .ok();
}
