//! Diffs: their format, their content, and their size limits.

use proptest::prelude::*;

use super::unified;
use crate::VirtualPath;
use crate::text::changes::Changes;

/// Applies a unified diff, checking every line and number of it against the old text.
pub(in crate::text) fn patch(old: &str, diff: &str) -> String {
    if diff.is_empty() {
        return old.to_owned();
    }
    let old_lines: Vec<&str> = old.split_inclusive('\n').collect();
    let mut new_lines: Vec<String> = Vec::new();
    let mut taken = 0;
    let mut lines = diff.split_inclusive('\n').peekable();
    assert_eq!(lines.next(), Some("--- a/f\n"));
    assert_eq!(lines.next(), Some("+++ b/f\n"));
    while let Some(header) = lines.next() {
        let numbers: Vec<usize> = {
            let inner = header
                .strip_prefix("@@ -")
                .and_then(|header| header.strip_suffix(" @@\n"))
                .unwrap_or_else(|| panic!("{header:?} in {diff}"));
            let (removed, added) = inner.split_once(" +").unwrap();
            let range = |text: &str| match text.split_once(',') {
                Some((start, count)) => [start.parse().unwrap(), count.parse().unwrap()],
                None => [text.parse().unwrap(), 1],
            };
            [range(removed), range(added)].concat()
        };
        let [old_start, old_count, new_start, new_count] = numbers[..] else {
            panic!("{header:?}");
        };
        let first = |start: usize, count: usize| if count == 0 { start } else { start - 1 };
        while taken < first(old_start, old_count) {
            new_lines.push(old_lines[taken].to_owned());
            taken += 1;
        }
        assert_eq!(new_lines.len(), first(new_start, new_count), "{diff}");
        let (mut olds, mut news) = (0, 0);
        while olds < old_count || news < new_count {
            let line = lines.next().unwrap_or_else(|| panic!("too short: {diff}"));
            let mut content = line[1..].to_owned();
            if lines
                .next_if_eq(&"\\ No newline at end of file\n")
                .is_some()
            {
                content.pop();
            }
            let mark = &line[..1];
            if mark != "+" {
                assert_eq!(old_lines[taken], content, "{diff}");
                taken += 1;
                olds += 1;
            }
            if mark != "-" {
                new_lines.push(content);
                news += 1;
            }
        }
    }
    new_lines.extend(old_lines[taken..].iter().map(|line| (*line).to_owned()));
    new_lines.concat()
}

fn path() -> VirtualPath {
    VirtualPath::parse("/f").unwrap()
}

/// The diff when only the common start and end of the texts are known.
fn diff(old: &str, new: &str) -> (String, bool) {
    let mut changes = Changes::default();
    changes.push(0..old.len(), 0..new.len());
    unified(&path(), old, new, &changes)
}

#[track_caller]
fn check(old: &str, new: &str, want: &str) {
    assert_eq!(diff(old, new), (want.to_owned(), false));
}

#[test]
fn equal_texts_have_no_diff() {
    check("a\n", "a\n", "");
    check("", "", "");
}

#[test]
fn a_missing_newline_at_the_end_is_reported() {
    check(
        "a\nb",
        "a\nb\n",
        "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n",
    );
    check(
        "a\nb\n",
        "a\nc",
        "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file\n",
    );
    check(
        "a\nb",
        "x\nb",
        "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-a\n+x\n b\n\\ No newline at end of file\n",
    );
}

#[test]
fn an_empty_side_is_named_by_the_line_before() {
    check("", "a\n", "--- a/f\n+++ b/f\n@@ -0,0 +1 @@\n+a\n");
    check("a\n", "", "--- a/f\n+++ b/f\n@@ -1 +0,0 @@\n-a\n");
}

#[test]
fn a_change_of_line_endings_shows() {
    check("a\r\n", "a\n", "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\r\n+a\n");
}

#[test]
fn changes_far_apart_have_hunks_of_their_own() {
    let old: String = (1..=20).map(|line| format!("{line}\n")).collect();
    let far = old.replace("\n2\n", "\nb\n").replace("\n12\n", "\nl\n");
    assert_eq!(diff(&old, &far).0.matches("@@ -").count(), 2);
    let near = old.replace("\n2\n", "\nb\n").replace("\n9\n", "\nl\n");
    assert_eq!(diff(&old, &near).0.matches("@@ -").count(), 1);
    let further = old.replace("\n2\n", "\nb\n").replace("\n10\n", "\nl\n");
    assert_eq!(diff(&old, &further).0.matches("@@ -").count(), 2);
}

#[test]
fn a_long_diff_is_cut_at_a_line_and_still_a_diff() {
    let old: String = (0..20_000).map(|line| format!("line {line}\n")).collect();
    let new = old.replace("line", "LINE");
    let (diff, cut) = diff(&old, &new);
    assert!(cut);
    assert!(diff.len() <= 64 << 10, "{}", diff.len());
    assert!(diff.len() > 60 << 10, "{}", diff.len());
    assert!(diff.ends_with('\n'));
    patch(&old, &diff);
}

#[test]
fn a_long_line_is_cut() {
    let old = "é".repeat(5000);
    let (diff, cut) = diff(&old, &format!("x{old}"));
    assert!(cut);
    assert!(diff.len() < 5000, "{}", diff.len());
    assert!(
        diff.contains(" ... (cut: 10000 bytes in this line)\n"),
        "{diff}"
    );
}

#[test]
fn the_difference_within_a_long_line_is_shown() {
    let (before, after) = ("é".repeat(5000), "x".repeat(5000));
    let (diff, cut) = diff(
        &format!("{before}old{after}\n"),
        &format!("{before}new{after}\n"),
    );
    assert!(cut);
    let shown = "é".repeat(100);
    let lines: Vec<_> = diff.lines().skip(3).collect();
    for (line, word) in lines.iter().zip(["-", "+"].into_iter().zip(["old", "new"])) {
        let (mark, word) = word;
        let start = format!("{mark}(cut: 9800 bytes before this) ... {shown}{word}xxx");
        assert!(line.starts_with(&start), "{line}");
        assert!(
            line.ends_with("xxx ... (cut: 15003 bytes in this line)"),
            "{line}"
        );
    }
    assert_eq!(lines.len(), 2);
}

#[test]
fn texts_with_nothing_in_common_take_no_time_to_speak_of() {
    let old: String = (0..60_000).map(|line| format!("{line}\n")).collect();
    let new: String = (0..60_000).map(|line| format!("x{line}\n")).collect();
    assert!(diff(&old, &new).1);
}

proptest! {
    #[test]
    fn a_diff_leads_from_the_old_text_to_the_new(
        old in "([ab]{0,2}\n){0,24}[ab]{0,2}",
        new in "([ab]{0,2}\n){0,24}[ab]{0,2}",
    ) {
        prop_assert_eq!(patch(&old, &diff(&old, &new).0), new);
    }
}
