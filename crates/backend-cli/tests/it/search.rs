//! `glob` and `grep`.

use serde_json::json;

use crate::support::Place;

fn project() -> Place {
    Place::with(&[
        ("src/main.rs", "fn main() {\n    work();\n}\n"),
        ("src/work.rs", "// Work\nfn work() {}\n"),
        ("README.md", "work hard\n"),
        (".hidden.rs", "work\n"),
        (".gitignore", "target\n"),
        ("target/out.rs", "work\n"),
        ("binary", "work\0"),
    ])
}

#[test]
fn glob_finds_by_path() {
    let place = project();
    assert_eq!(
        place.run(["glob", "**/*.rs"]).ok(),
        "/src/main.rs\n/src/work.rs\n"
    );
    assert_eq!(
        place.run(["glob", "*.rs", "src"]).ok(),
        "/src/main.rs\n/src/work.rs\n"
    );
    let all = place
        .run(["glob", "**/*.rs", "--hidden", "--no-ignore"])
        .ok();
    assert_eq!(
        all,
        "/.hidden.rs\n/src/main.rs\n/src/work.rs\n/target/out.rs\n"
    );
    assert_eq!(place.run(["glob", "s*", "-d"]).ok(), "/src\n");
    assert_eq!(
        place.run(["glob", "src/*", "-r0"]).ok(),
        "src/main.rs\0src/work.rs\0"
    );
}

#[test]
fn no_match_is_code_1_and_reports_skipped_entries() {
    let place = project();
    let told = place.run(["glob", "**/nothing.*"]).told(1);
    assert!(told.contains("skipped: 1 ignored (--no-ignore)"), "{told}");
    let told = place.run(["grep", "nothing at all"]).told(1);
    assert!(
        told.contains("1 binary") && told.contains("--no-ignore"),
        "{told}"
    );
    let found = place.run(["grep", "nothing at all", "--json"]);
    assert_eq!(found.code, 1);
    assert_eq!(found.json()["skipped"]["binary"], 1);
    assert_eq!(found.json()["searched"], 3);
}

#[test]
fn glob_as_json_says_whether_it_is_all() {
    let document = project().json(&["glob", "**/*", "--limit", "2"]);
    assert_eq!(document["entries"].as_array().unwrap().len(), 2);
    assert_eq!(document["truncated"], "limit");
    assert_eq!(document["skipped"]["hidden"], 2);
}

#[test]
fn grep_prints_path_line_and_text() {
    let place = project();
    let found = place.run(["grep", "work"]).ok();
    let want = "/README.md:1:work hard\n/src/main.rs:2:    work();\n/src/work.rs:2:fn work() {}\n";
    assert_eq!(found, want);
    assert_eq!(
        place.run(["grep", "-n", "work", "README.md"]).ok(),
        "/README.md:1:work hard\n"
    );
    assert_eq!(
        place.run(["grep", "-N", "hard"]).ok(),
        "/README.md:work hard\n"
    );
    assert_eq!(
        place.run(["grep", "hard", "--column"]).ok(),
        "/README.md:1:6:work hard\n"
    );
}

#[test]
fn grep_has_the_flags_of_ripgrep() {
    let place = project();
    let lines = |args: &[&str]| place.run(["grep"].iter().chain(args)).ok();
    assert_eq!(
        lines(&["-i", "WORK", "-c"]),
        "/README.md:1\n/src/main.rs:1\n/src/work.rs:2\n"
    );
    assert_eq!(
        lines(&["-l", "work", "-t", "rust"]),
        "/src/main.rs\n/src/work.rs\n"
    );
    assert_eq!(
        lines(&["-l", "work", "-g", "*.rs", "-g", "!main*"]),
        "/src/work.rs\n"
    );
    assert_eq!(
        lines(&["-F", "work()", "-l"]),
        "/src/main.rs\n/src/work.rs\n"
    );
    assert_eq!(lines(&["-S", "Work"]), "/src/work.rs:1:// Work\n");
    assert_eq!(
        lines(&["-w", "wor.", "README.md"]),
        "/README.md:1:work hard\n"
    );
    assert_eq!(lines(&["work", "-.Il"]).lines().count(), 5);
    assert_eq!(
        lines(&["-m", "1", "-i", "work", "src/work.rs"])
            .lines()
            .count(),
        1
    );
    assert_eq!(lines(&["--", "-x|hard"]), "/README.md:1:work hard\n");
}

#[test]
fn context_is_shown_once_and_groups_are_apart() {
    let text = "a\nhit\nb\nc\nd\nhit\nhit\ne\n";
    let place = Place::with(&[("f", text), ("g", "hit\n")]);
    let want = "/f-1-a\n/f:2:hit\n/f-3-b\n--\n/f-5-d\n/f:6:hit\n/f:7:hit\n/f-8-e\n--\n/g:1:hit\n";
    assert_eq!(place.run(["grep", "-C1", "hit"]).ok(), want);
    assert_eq!(
        place.run(["grep", "-A1", "a", "f"]).ok(),
        "/f:1:a\n/f-2-hit\n"
    );
    assert_eq!(place.run(["grep", "-U", "b\\nc"]).ok(), "/f:3:b\n/f:4:c\n");
}

#[test]
fn grep_as_json_has_what_a_program_needs() {
    let document = project().json(&["grep", "fn (\\w+)", "-A", "1"]);
    let found = &document["matches"][0];
    assert_eq!(found["path"], "/src/main.rs");
    assert_eq!(found["line"], 1);
    assert_eq!(found["column"], 1);
    assert_eq!(found["after"][0]["text"], "    work();");
    assert_eq!(document["truncated"], json!(null));
    let counts = project().json(&["grep", "-c", "work"]);
    assert_eq!(
        counts["files"][0],
        json!({ "path": "/README.md", "count": 1 })
    );
}

#[test]
fn a_wrong_pattern_is_the_callers_mistake() {
    let place = project();
    let told = place.run(["grep", "("]).told(2);
    assert!(told.contains("invalid pattern"), "{told}");
    place.run(["glob", "../*"]).told(2);
    place.run(["grep", "x", "-t", "nothing"]).told(2);
    assert_eq!(
        place.json(&["glob", "{a"])["error"]["kind"],
        "invalid_pattern"
    );
}
