//! `ls`, `stat`, `mkdir`, `mv`, `rm`.

use std::os::unix::fs::symlink;

use serde_json::json;

use crate::support::Place;

#[test]
fn ls_shows_directories_first_and_marks_what_they_are() {
    let place = Place::with(&[("b.txt", "12"), ("z/x", ""), (".hidden", "")]);
    symlink("b.txt", place.at("link")).unwrap();
    assert_eq!(place.run(["ls"]).ok(), "z/\n.hidden\nb.txt\nlink@\n");
    assert_eq!(place.run(["ls", "z"]).ok(), "x\n");
    assert_eq!(place.run(["ls", "/z"]).ok(), "x\n");
    let long = place.run(["ls", "-l"]).ok();
    let line = long.lines().find(|line| line.ends_with("b.txt")).unwrap();
    assert!(line.starts_with("-            2 20"), "{line}");
}

#[test]
fn ls_as_json_has_every_field() {
    let place = Place::with(&[("a.txt", "12"), ("d/x", "")]);
    let document = place.json(&["ls"]);
    assert_eq!(document["path"], "/");
    assert_eq!(document["truncated"], json!(null));
    assert_eq!(document["failures"], json!([]));
    let [directory, file] = document["entries"].as_array().unwrap().as_slice() else {
        panic!("{document}");
    };
    assert_eq!(directory["kind"], "directory");
    assert_eq!(directory["version"], json!(null));
    assert_eq!(file["path"], "/a.txt");
    assert_eq!(file["size"], 2);
    assert_eq!(file["version"].as_str().unwrap().len(), 32);
    let modified = file["modified"].as_str().unwrap();
    assert!(
        modified.starts_with("20") && modified.ends_with('Z'),
        "{modified}"
    );
}

#[test]
fn ls_says_that_there_is_more() {
    let place = Place::with(&[("a", ""), ("b", ""), ("c", "")]);
    let ran = place.run(["ls", "--limit", "2"]);
    assert_eq!(ran.text(), "a\nb\n");
    assert!(ran.stderr.contains("--limit"), "{}", ran.stderr);
    assert_eq!(place.run(["ls", "--limit", "2", "-q"]).stderr, "");
    assert_eq!(place.json(&["ls", "--limit", "2"])["truncated"], "limit");
}

#[test]
fn odd_names_are_names() {
    let names = [
        " ", "a b", "ü", "~x", "a..b", "--json", "-", "*", "host:x", "'\"$",
    ];
    let place = Place::new();
    for name in names {
        let path = format!("/{name}");
        place.run(["write", "--", &path, name]).ok();
        assert_eq!(place.text(name), name);
        assert_eq!(place.run(["cat", &path]).ok(), name);
    }
    let listed = place.run(["ls"]).ok();
    assert_eq!(listed.lines().count(), names.len());
}

#[test]
fn an_unrepresentable_name_is_reported_and_not_shown() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::with(&[("a", "")]);
    std::fs::write(place.at(OsStr::from_bytes(b"\xff")), "").unwrap();
    std::fs::write(place.at("new\nline"), "").unwrap();
    let ran = place.run(["ls"]);
    assert_eq!(ran.text(), "a\n");
    assert!(
        ran.stderr.contains("2 with unrepresentable names"),
        "{}",
        ran.stderr
    );
    assert_eq!(place.json(&["ls"])["skipped"]["unnameable"], 2);
}

#[test]
fn stat_reports_each_path_and_continues_after_a_failure() {
    let place = Place::with(&[("a", "1"), ("b", "22")]);
    let ran = place.run(["stat", "a", "nothing", "b"]);
    assert_eq!(ran.code, 3);
    assert_eq!(ran.text().lines().count(), 2);
    assert_eq!(ran.stderr, "error: /nothing: not found\n");
    let results = &place.json(&["stat", "a", "nothing", "b"])["results"];
    assert_eq!(results[0]["size"], 1);
    assert_eq!(results[1]["error"]["kind"], "not_found");
    assert_eq!(results[1]["error"]["exit_code"], 3);
    assert_eq!(results[2]["path"], "/b");
}

#[test]
fn mkdir_creates_parents_and_accepts_existing_directories() {
    let place = Place::with(&[("file", "")]);
    place.run(["mkdir", "a/b/c", "d"]).ok();
    assert!(place.at("a/b/c").is_dir() && place.at("d").is_dir());
    let results = &place.json(&["mkdir", "a", "e", "file"])["results"];
    assert_eq!(results[0]["created"], false);
    assert_eq!(results[1]["created"], true);
    assert_eq!(results[2]["error"]["kind"], "already_exists");
}

#[test]
fn mv_renames_and_moves_into_a_directory() {
    let place = Place::with(&[("a", "A"), ("d/x", "X"), ("b", "B")]);
    place.run(["mv", "a", "new/c"]).ok();
    assert_eq!(place.text("new/c"), "A");
    place.run(["mv", "new/c", "d"]).ok();
    assert_eq!(place.text("d/c"), "A");
    let told = place.run(["mv", "b", "d/x"]).told(4);
    assert_eq!(told, "error: /d/x: already exists\n");
    place.run(["mv", "-f", "b", "d/x"]).ok();
    assert_eq!(place.text("d/x"), "B");
    assert_eq!(place.json(&["mv", "d/x", "y"])["to"], "/y");
    place.run(["mv", "-T", "y", "d"]).told(4);
}

#[test]
fn rm_removes_the_named_paths_and_no_more() {
    let place = Place::with(&[("a", ""), ("d/x/y", ""), ("keep", "")]);
    symlink("keep", place.at("link")).unwrap();
    place.run(["rm", "a", "link"]).ok();
    assert!(!place.at("a").exists() && place.at("keep").exists());
    let told = place.run(["rm", "d"]).told(2);
    assert!(told.contains("/d"), "{told}");
    assert_eq!(place.json(&["rm", "-r", "d"])["results"][0]["entries"], 3);
    assert!(!place.at("d").exists());
    place.run(["rm", "nothing"]).told(3);
    place.run(["rm", "-f", "nothing"]).ok();
    place.run(["rm", "-r", "/"]).told(2);
}

#[test]
fn rm_can_be_bound_to_a_version() {
    let place = Place::with(&[("a", "1")]);
    let stale = place.json(&["stat", "a"])["results"][0]["version"].clone();
    place.put("a", "22");
    place
        .run(["rm", "a", "--expect", stale.as_str().unwrap()])
        .told(12);
    let fresh = place.json(&["stat", "a"])["results"][0]["version"].clone();
    place
        .run(["rm", "a", "--expect", fresh.as_str().unwrap()])
        .ok();
    assert!(!place.at("a").exists());
}
