//! `write`.

use serde_json::json;

use crate::support::Place;

#[test]
fn write_takes_a_text_an_input_or_a_file() {
    let place = Place::with(&[("from", b"from a file".escape_ascii().to_string().as_str())]);
    place.run(["write", "a/b", "text"]).ok();
    assert_eq!(place.text("a/b"), "text");
    place.feed("input", ["write", "a/b"]).ok();
    assert_eq!(place.text("a/b"), "input");
    place.feed("input 2", ["write", "a/b", "--from", "-"]).ok();
    assert_eq!(place.text("a/b"), "input 2");
    place.run(["write", "a/b", "--from", "from"]).ok();
    assert_eq!(place.text("a/b"), "from a file");
    place.run(["write", "a/b", "--", "-x"]).ok();
    assert_eq!(place.text("a/b"), "-x");
    place.run(["write", "a/b", ""]).ok();
    assert_eq!(place.text("a/b"), "");
}

#[test]
fn bytes_are_written_as_they_are() {
    let place = Place::new();
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    place.feed(&bytes, ["write", "bytes"]).ok();
    assert_eq!(place.read("bytes"), bytes);
}

#[test]
fn write_reports_its_outcome() {
    let place = Place::new();
    let told = place.run(["write", "a", "abc"]).ok();
    assert!(told.starts_with("created /a: 3 bytes, version "), "{told}");
    assert!(
        place
            .run(["write", "a", "x"])
            .ok()
            .starts_with("wrote /a: 1 bytes")
    );
    assert_eq!(place.run(["write", "a", "x", "--quiet"]).ok(), "");
    let document = place.json(&["write", "b", "xy"]);
    assert_eq!(document["path"], "/b");
    assert_eq!(document["created"], json!(true));
    assert_eq!(document["size"], 2);
}

#[test]
fn create_refuses_an_existing_file() {
    let place = Place::with(&[("a", "old")]);
    place.run(["write", "a", "new", "--create"]).told(4);
    assert_eq!(place.text("a"), "old");
    place.feed("new", ["write", "b", "--create"]).ok();
    assert_eq!(place.text("b"), "new");
}

#[test]
fn a_write_can_be_bound_to_a_version() {
    let place = Place::new();
    let first = place.json(&["write", "a", "1"])["version"].clone();
    let first = first.as_str().unwrap();
    let second = place.json(&["write", "a", "2", "--expect", first])["version"].clone();
    let error = place.json(&["write", "a", "3", "--expect", first]);
    assert_eq!(error["error"]["kind"], "conflict");
    assert_eq!(error["error"]["current"], second);
    assert_eq!(error["error"]["exit_code"], 12);
    assert_eq!(place.text("a"), "2");
    place
        .run(["write", "a", "x", "--expect", "no version"])
        .told(2);
}

#[test]
fn an_input_that_is_not_there_is_an_error_of_this_machine() {
    let place = Place::new();
    let told = place.run(["write", "a", "--from", "nothing"]).told(18);
    assert!(told.contains("nothing: No such file"), "{told}");
    assert!(!place.at("a").exists());
}
