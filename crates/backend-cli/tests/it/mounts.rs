//! `--mount` and `--read-only`.

use crate::support::Place;

#[test]
fn a_mount_is_a_part_of_the_workspace() {
    let (place, other) = (Place::with(&[("a", "A")]), Place::with(&[("x/y", "Y")]));
    let mount = format!("/docs={}", other.path().display());
    let run = |args: &[&str]| place.run(args.iter().chain(&["--mount", &mount]));
    assert_eq!(run(&["ls"]).ok(), "docs/\na\n");
    assert_eq!(run(&["cat", "docs/x/y"]).ok(), "Y");
    assert_eq!(run(&["glob", "**/*"]).ok(), "/a\n/docs/x/y\n");
    run(&["write", "docs/new", "N"]).ok();
    assert_eq!(other.text("new"), "N");
    run(&["mv", "a", "docs/a"]).ok();
    assert_eq!(other.text("a"), "A");
    assert_eq!(
        run(&["edit", "docs/a", "--old", "A", "--new", "B"])
            .ok()
            .lines()
            .next(),
        Some("--- a/docs/a")
    );
}

#[test]
fn a_read_only_mount_can_only_be_read() {
    let (place, other) = (Place::new(), Place::with(&[("x", "X")]));
    let mount = format!("/docs={}:ro", other.path().display());
    let run = |args: &[&str]| place.run(["--mount", &mount].iter().chain(args));
    assert_eq!(run(&["cat", "/docs/x"]).ok(), "X");
    let told = run(&["write", "/docs/x", "Y"]).told(5);
    assert!(
        told.starts_with("error: /docs/x: permission denied"),
        "{told}"
    );
    run(&["write", "/beside", "Y"]).ok();
    assert_eq!(other.text("x"), "X");
}

#[test]
fn nothing_is_changed_in_a_read_only_workspace() {
    let place = Place::with(&[("a", "A")]);
    for args in [
        ["write", "a", "B"].as_slice(),
        &["edit", "a", "--old", "A", "--new", "B"],
        &["rm", "a"],
        &["mv", "a", "b"],
        &["mkdir", "d"],
        &["cp", "a", "b"],
    ] {
        let told = place.run(args.iter().chain(&["--read-only", "-q"]));
        assert_eq!(told.code, 5, "{args:?}: {told:?}");
        assert!(told.stderr.contains("read-only"), "{told:?}");
    }
    assert_eq!(place.run(["cat", "a", "--read-only"]).ok(), "A");
    place
        .run([
            "edit",
            "a",
            "--old",
            "A",
            "--new",
            "B",
            "--read-only",
            "--dry-run",
        ])
        .ok();
    let told = place.run(["exec", "--read-only", "--", "true"]).told(125);
    assert!(told.contains("read-only"), "{told}");
}

#[test]
fn a_failed_mount_is_reported_with_its_option() {
    let place = Place::new();
    let told = place.run(["ls", "--mount", "/x=nothing"]).told(2);
    assert!(told.starts_with("error: --mount /x=nothing: "), "{told}");
    for wrong in ["x", "/=.", "/a/..=.", "/x="] {
        place.run(["ls", "--mount", wrong]).told(2);
    }
    let twice = ["ls", "--mount", "/x=.", "--mount", "/x=."];
    place.run(twice).told(2);
}
