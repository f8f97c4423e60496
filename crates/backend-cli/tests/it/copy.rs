//! `cp`.

use std::os::unix::fs::symlink;

use crate::support::Place;

#[test]
fn files_go_in_and_out_byte_for_byte() {
    let place = Place::new();
    let bytes: Vec<u8> = (0..=255).cycle().take(3 << 20).collect();
    place.put("outside/bytes", &bytes);
    std::fs::create_dir(place.at("in")).unwrap();
    let run = |args: &[&str]| place.run(["cp", "--root", "in"].iter().chain(args));
    run(&["host:outside/bytes", "a/b"]).ok();
    assert_eq!(place.read("in/a/b"), bytes);
    run(&["host:outside/bytes", "a"]).ok();
    assert_eq!(place.read("in/a/bytes"), bytes);
    run(&["a/b", "host:outside/new/copy"]).ok();
    assert_eq!(place.read("outside/new/copy"), bytes);
    run(&["a/b", "host:outside"]).ok();
    assert_eq!(place.read("outside/b"), bytes);
    run(&["a/b", "c"]).ok();
    assert_eq!(place.read("in/c"), bytes);
}

#[test]
fn trees_go_in_and_out() {
    let place = Place::with(&[
        ("tree/a", "A"),
        ("tree/d/.hidden", "H"),
        ("tree/d/e/f", "F"),
    ]);
    std::fs::create_dir(place.at("tree/empty")).unwrap();
    let state = ["--state", "s.json"];
    let run = |args: &[&str]| place.run(state.iter().chain(&["cp", "-r"]).chain(args));
    let told = run(&["host:tree", "/"]).ok();
    assert_eq!(told, "copied 3 files, 3 bytes\n");
    run(&["host:tree", "/other"]).ok();
    let all = place.run(["--state", "s.json", "glob", "**", "-.d"]).ok();
    assert_eq!(all.lines().count(), 14, "{all}");
    run(&["/tree", "host:back"]).ok();
    assert_eq!(place.text("back/d/e/f"), "F");
    assert_eq!(place.text("back/d/.hidden"), "H");
    assert!(place.at("back/empty").is_dir());
    run(&["/", "host:whole"]).ok();
    assert_eq!(place.text("whole/other/a"), "A");
    run(&["tree/d", "copy"]).ok();
    let document = place.json(&["--state", "s.json", "cp", "-r", "copy", "host:last"]);
    assert_eq!(document["files"], 2);
    assert_eq!(document["directories"], 2);
    assert_eq!(document["bytes"], 2);
}

#[test]
fn a_directory_needs_to_be_asked_for_and_does_not_go_into_itself() {
    let place = Place::with(&[("d/x", "")]);
    let told = place.run(["cp", "d", "e", "-q"]).told(2);
    assert!(told.contains("--recursive"), "{told}");
    let told = place.run(["cp", "-rq", "d", "d/e"]).told(2);
    assert!(told.contains("into itself"), "{told}");
    place.run(["cp", "-rq", "/", "/e"]).told(2);
    place.run(["cp", "-rq", "d", "d"]).told(2);
}

#[test]
fn several_sources_need_a_directory() {
    let place = Place::with(&[("a", "A"), ("b", "B"), ("d/x", "")]);
    place.run(["cp", "a", "b", "nothing"]).told(2);
    let ran = place.run(["cp", "a", "missing", "b", "d"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("/missing: not found"), "{}", ran.stderr);
    assert_eq!(place.text("d/a"), "A");
    assert_eq!(place.text("d/b"), "B");
}

#[test]
fn an_existing_file_can_be_kept() {
    let place = Place::with(&[("a", "new"), ("b", "old")]);
    let ran = place.run(["cp", "-nq", "a", "b"]);
    assert_eq!(ran.code, 4);
    assert_eq!(place.text("b"), "old");
    place.run(["cp", "-q", "a", "b"]).ok();
    assert_eq!(place.text("b"), "new");
    place.run(["cp", "-qT", "a", "/"]).told(7);
}

#[test]
fn links_are_reported_and_not_copied() {
    let place = Place::with(&[("tree/a", "A"), ("secret", "S")]);
    symlink("../secret", place.at("tree/out")).unwrap();
    symlink("a", place.at("tree/in")).unwrap();
    std::fs::create_dir(place.at("ws")).unwrap();
    let ran = place.run(["cp", "-r", "--root", "ws", "host:tree", "copy"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("tree/out: not copied: it is a link"),
        "{}",
        ran.stderr
    );
    assert_eq!(place.text("ws/copy/a"), "A");
    assert!(!place.at("ws/copy/out").exists() && !place.at("ws/copy/in").exists());
    // A named one is followed.
    place
        .run(["cp", "--root", "ws", "host:tree/out", "named"])
        .ok();
    assert_eq!(place.text("ws/named"), "S");
}

#[test]
fn copies_to_this_machine_stay_in_the_named_directory() {
    let place = Place::with(&[
        ("ws/t/link/passwd", "mine"),
        ("target/x", ""),
        ("victim/passwd", "theirs"),
    ]);
    symlink("../victim", place.at("target/link")).unwrap();
    let ran = place.run(["cp", "-rT", "--root", "ws", "t", "host:target"]);
    assert_ne!(ran.code, 0);
    assert_eq!(place.text("victim/passwd"), "theirs");
    // A link that is named is the person's own.
    symlink("victim", place.at("named")).unwrap();
    place
        .run(["cp", "--root", "ws", "t/link/passwd", "host:named"])
        .ok();
    assert_eq!(place.text("victim/passwd"), "mine");
}

#[test]
fn sizes_have_a_bound_that_can_be_raised() {
    let place = Place::with(&[("a", &"x".repeat(3000))]);
    place
        .run(["cp", "-q", "a", "b", "--max-file-size", "2k"])
        .told(9);
    place
        .run(["cp", "-q", "a", "b", "--max-file-size", "3k"])
        .ok();
}

#[test]
fn a_missing_source_is_reported() {
    let place = Place::new();
    let ran = place.run(["cp", "host:nothing", "a", "-q"]);
    assert_eq!(ran.code, 18);
    let document = place.json(&["cp", "nothing", "a"]);
    assert_eq!(document["failed"][0]["error"]["kind"], "not_found");
    assert_eq!(document["files"], 0);
}
