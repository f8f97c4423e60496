//! `edit`.

use serde_json::json;

use crate::support::Place;

#[test]
fn an_edit_shows_what_it_changed() {
    let place = Place::with(&[("a", "one\r\ntwo\r\n")]);
    let diff = place.run(["edit", "a", "--old", "two", "--new", "2"]).ok();
    assert_eq!(diff, "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n");
    assert_eq!(place.text("a"), "one\r\n2\r\n");
}

#[test]
fn a_dry_run_changes_nothing() {
    let place = Place::with(&[("a", "one\n")]);
    let document = place.json(&["edit", "a", "--old", "one", "--new", "1", "--dry-run"]);
    assert_eq!(document["dry_run"], true);
    assert_eq!(document["replacements"], 1);
    assert!(document["diff"].as_str().unwrap().contains("+1\n"));
    assert_eq!(place.text("a"), "one\n");
    assert!(
        place
            .run(["edit", "-n", "a", "--old", "one", "--new", "1"])
            .ok()
            .contains("-one")
    );
}

#[test]
fn several_edits_are_all_made_or_none() {
    let place = Place::with(&[("a", "one two three")]);
    let pairs = ["--old", "one", "--new", "1", "--old", "two", "--new", "2"];
    place.run(["edit", "a"].iter().chain(&pairs)).ok();
    assert_eq!(place.text("a"), "1 2 three");
    let pairs = [
        "--old", "three", "--new", "3", "--old", "nothing", "--new", "-",
    ];
    place.run(["edit", "a"].iter().chain(&pairs)).told(10);
    assert_eq!(place.text("a"), "1 2 three");
    let uneven = place
        .run(["edit", "a", "--old", "1", "--old", "2", "--new", "x"])
        .told(2);
    assert!(uneven.contains("2 and 1"), "{uneven}");
    place.run(["edit", "a"]).told(2);
}

#[test]
fn texts_can_start_with_a_dash_and_come_from_files() {
    let place = Place::with(&[("a", "-x --y\n"), ("old", "--y\n"), ("new", "z\n")]);
    place.run(["edit", "a", "--old", "-x", "--new", "--x"]).ok();
    place
        .run(["edit", "a", "--old-file", "old", "--new-file", "new"])
        .ok();
    assert_eq!(place.text("a"), "--x z\n");
}

#[test]
fn a_missing_or_ambiguous_text_is_reported_with_a_hint() {
    let place = Place::with(&[("a", "  let x = 1;\nx\nx\n")]);
    let told = place
        .run(["edit", "a", "--old", "let  x = 1;", "--new", ""])
        .told(10);
    assert!(
        told.contains("hint: from line 1") && told.contains("let x = 1;"),
        "{told}"
    );
    let told = place
        .run(["edit", "a", "--old", "x\n", "--new", ""])
        .told(11);
    assert!(told.contains("--all"), "{told}");
    let error = place.json(&["edit", "a", "--old", "x\n", "--new", ""]);
    assert_eq!(error["error"]["count"], 2);
    assert_eq!(error["error"]["lines"], json!([2, 3]));
    let done = place.json(&["edit", "a", "--old", "x\n", "--new", "", "--all"]);
    assert_eq!(done["replacements"], 2);
}

#[test]
fn edits_come_as_json_by_text_or_by_line() {
    let place = Place::with(&[("a", "one\ntwo\nthree\n")]);
    let edits = r#"[{"old": "e", "new": "E", "replace_all": true}]"#;
    place.feed(edits, ["edit", "a", "--edits", "-"]).ok();
    assert_eq!(place.text("a"), "onE\ntwo\nthrEE\n");
    let hashed = place.run(["cat", "--hashes", "a"]).ok();
    let (line, _) = hashed.lines().nth(1).unwrap().split_once('|').unwrap();
    let (_, hash) = line.split_once(':').unwrap();
    let anchor = json!({ "line": 2, "hash": hash });
    let edits = json!({ "lines": [
        { "replace": { "first": anchor, "last": anchor, "text": "2" } },
        { "insert_after": { "line": anchor, "text": "2.5" } },
    ]});
    place.put("edits.json", edits.to_string());
    place.run(["edit", "a", "--edits", "edits.json"]).ok();
    assert_eq!(place.text("a"), "onE\n2\n2.5\nthrEE\n");
    place.run(["edit", "a", "--edits", "edits.json"]).told(12);
    let told = place.feed("{}", ["edit", "a", "--edits", "-"]).told(2);
    assert!(told.contains("not valid edits"), "{told}");
}

#[test]
fn an_edit_can_be_bound_to_a_version() {
    let place = Place::with(&[("a", "1")]);
    let version = place.json(&["stat", "a"])["results"][0]["version"].clone();
    let version = version.as_str().unwrap();
    place
        .run(["edit", "a", "--old", "1", "--new", "2", "--expect", version])
        .ok();
    place
        .run(["edit", "a", "--old", "2", "--new", "3", "--expect", version])
        .told(12);
    assert_eq!(place.text("a"), "2");
}
