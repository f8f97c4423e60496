//! Laws about greps: which lines match, and in which form they come back.

use backend_core::{
    Backend, BackendExt, Case, Error, ErrorKind, GlobRequest, GrepLine, GrepOutput, GrepRequest,
    Grepped, Truncation,
};

use crate::Workspace;
use crate::workspace::{p, refused};

#[doc(hidden)]
#[macro_export]
macro_rules! __grep_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args grep;
            F1 a_match_has_its_path_line_column_and_text
                "A match names the file, the line and byte column from 1, and the line without its ending.";
            F2 a_line_matches_once
                "A line with several matches is one result, at its first.";
            F3 patterns_are_rust_regular_expressions
                "Alternation, repetition, classes, anchors, word boundaries, groups and inline flags work as in `regex`.";
            F4 a_fixed_pattern_is_plain_text
                "With `fixed`, nothing in the pattern is special.";
            F5 case_counts_as_asked
                "Sensitive by default; insensitive, beyond ASCII too; smart by the pattern's own letters.";
            F6 whole_words_match_alone
                "With `word`, a match has no word character next to it.";
            F7 a_match_can_span_lines
                "With `multi_line`, `\\n` and `.` match line ends, and the text has all lines of the match.";
            F8 context_lines_come_with_their_numbers
                "`before` and `after` lines come with each match, within the file.";
            F9 no_line_is_shown_twice
                "A line that one match shows, as match or context, is not context of the next.";
            F10 files_and_counts_are_other_forms
                "`files` has each file with a match; `counts` has how many lines match in it.";
            F11 a_limit_returns_the_first_matches
                "The first matches in path and line order; `truncated` if and only if there is one more.";
            F12 a_limit_counts_files_where_files_are_asked_for
                "In `files` and `counts` the limit is on files.";
            F13 a_file_limit_leaves_room_for_others
                "`file_limit` returns the first matches of each file.";
            F14 a_limit_of_zero_is_refused_by_grep
                "A grep with a limit of 0 is `invalid_request`.";
            F15 a_bad_pattern_is_shown_with_a_caret
                "A pattern that does not parse is `invalid_pattern`, with a caret under the place.";
            F16 an_unsupported_regex_feature_is_an_error
                "Look-around and back references are `invalid_pattern`, not silence.";
            F17 a_pattern_takes_linear_time
                "A pattern made to backtrack returns, and one made to be huge is `invalid_pattern`.";
            F18 a_pattern_is_never_an_option
                "A pattern or name that starts with `-` means itself.";
            F19 a_thousand_matches_are_the_default
                "Without a limit 1000 matches come back, and the result says that there are more.";
            F20 empty_matches_are_matches
                "A pattern that matches the empty string matches every line, and no line of an empty file.";
            F21 a_generous_timeout_changes_nothing
                "A timeout that is not reached leaves the result as it is.";
            F22 a_search_out_of_time_says_so
                "A glob or grep that runs out of time returns what it has, with `time` as the reason.";
        }
    };
}

crate::__grep_laws! { registry_of_area [Files] }

fn grep(pattern: &str) -> GrepRequest {
    GrepRequest::new(pattern)
}

/// The lines of `/f` that match.
async fn lines(ws: &Workspace, request: &GrepRequest) -> Vec<u64> {
    let found = ws.searched(request).await;
    found.matches.iter().map(|hit| hit.line).collect()
}

async fn a_match_has_its_path_line_column_and_text(ws: &Workspace) {
    ws.put("/d/f", "first\nthe é needle here\nlast").await;
    let found = ws.searched(&grep("needle|last")).await;
    assert_eq!(
        ws.hits(&grep("needle|last")).await,
        ["/d/f:2:the é needle here", "/d/f:3:last"]
    );
    assert_eq!((found.matches[0].column, found.matches[1].column), (8, 1));
    assert!(!found.matches[0].cut && !found.matches[0].lossy);
}

async fn a_line_matches_once(ws: &Workspace) {
    ws.put("/f", "a b a\nb\na\n").await;
    let found = ws.searched(&grep("a")).await;
    assert_eq!(ws.hits(&grep("a")).await, ["/f:1:a b a", "/f:3:a"]);
    assert_eq!(found.matches[0].column, 1);
}

async fn patterns_are_rust_regular_expressions(ws: &Workspace) {
    ws.put("/f", "foo\nbaz\nfooo bar\nFOO\nx1-2y\n日本\n").await;
    for (pattern, expected) in [
        ("foo|baz", vec![1, 2, 3]),
        ("^fo+$", vec![1]),
        ("[a-c]+z", vec![2]),
        (r"\bbar\b", vec![3]),
        (r"\d-\d", vec![5]),
        ("(?i)foo", vec![1, 3, 4]),
        ("o{3}", vec![3]),
        (r"\p{Han}{2}", vec![6]),
        ("^..$", vec![6]),
        ("(f)(o)+ b", vec![3]),
        ("none", vec![]),
    ] {
        assert_eq!(lines(ws, &grep(pattern)).await, expected, "{pattern}");
    }
}

async fn a_fixed_pattern_is_plain_text(ws: &Workspace) {
    ws.put("/f", "a.c\nabc\n(x\n$1^\n\\d\n[y\n").await;
    for (pattern, line) in [("a.c", 1), ("(x", 3), ("$1^", 4), ("\\d", 5), ("[y", 6)] {
        assert_eq!(lines(ws, &grep(pattern).fixed()).await, [line], "{pattern}");
    }
}

async fn case_counts_as_asked(ws: &Workspace) {
    ws.put("/f", "needle\nNeedle\nNEEDLE\nÉ\né\n").await;
    assert_eq!(lines(ws, &grep("needle")).await, [1]);
    assert_eq!(
        lines(ws, &grep("needle").case(Case::Insensitive)).await,
        [1, 2, 3]
    );
    assert_eq!(lines(ws, &grep("é").case(Case::Insensitive)).await, [4, 5]);
    assert_eq!(
        lines(ws, &grep("needle").case(Case::Smart)).await,
        [1, 2, 3]
    );
    assert_eq!(lines(ws, &grep("Needle").case(Case::Smart)).await, [2]);
    assert_eq!(
        lines(ws, &grep("NEEDLE").fixed().case(Case::Insensitive)).await,
        [1, 2, 3]
    );
}

async fn whole_words_match_alone(ws: &Workspace) {
    ws.put("/f", "cat\nconcat\ncat-like\ncat_like\nthe cat.\n")
        .await;
    assert_eq!(lines(ws, &grep("cat").word()).await, [1, 3, 5]);
    assert_eq!(lines(ws, &grep("cat|like").word()).await, [1, 3, 5]);
    assert_eq!(lines(ws, &grep("cat").word().fixed()).await, [1, 3, 5]);
}

async fn a_match_can_span_lines(ws: &Workspace) {
    ws.put("/f", "start\na {\n  b\n}\nend\n").await;
    let request = grep(r"a \{.*?\}").multi_line();
    let found = ws.searched(&request).await;
    assert_eq!(found.matches.len(), 1, "{found:?}");
    assert_eq!((found.matches[0].line, found.matches[0].column), (2, 1));
    assert_eq!(found.matches[0].text, "a {\n  b\n}");
    let explicit = ws.hits(&grep(r"start\na").multi_line()).await;
    assert_eq!(explicit, ["/f:1:start\na {"]);
    assert!(
        ws.hits(&grep(r"a \{.*\}")).await.is_empty(),
        "not unless asked for"
    );
}

fn shown(lines: &[GrepLine]) -> Vec<String> {
    lines
        .iter()
        .map(|line| format!("{}:{}", line.line, line.text))
        .collect()
}

async fn context_lines_come_with_their_numbers(ws: &Workspace) {
    ws.put("/f", "1\n2\n3\nhit\n5\n6\n7").await;
    let found = ws.searched(&grep("hit").context(2, 1)).await;
    assert_eq!(shown(&found.matches[0].before), ["2:2", "3:3"]);
    assert_eq!(shown(&found.matches[0].after), ["5:5"]);
    let found = ws.searched(&grep("1").context(3, 3)).await;
    assert!(found.matches[0].before.is_empty());
    assert_eq!(shown(&found.matches[0].after), ["2:2", "3:3", "4:hit"]);
    let found = ws.searched(&grep("7").context(1, 5)).await;
    assert_eq!(shown(&found.matches[0].before), ["6:6"]);
    assert!(found.matches[0].after.is_empty());
    let none = ws.searched(&grep("hit")).await;
    assert!(none.matches[0].before.is_empty() && none.matches[0].after.is_empty());
}

async fn no_line_is_shown_twice(ws: &Workspace) {
    ws.put("/f", "hit\n2\n3\nhit\nhit\n6\n").await;
    let found = ws.searched(&grep("hit").context(3, 3)).await;
    assert_eq!(found.matches.len(), 3);
    let mut numbers = Vec::new();
    for hit in &found.matches {
        numbers.extend(hit.before.iter().map(|line| line.line));
        numbers.push(hit.line);
        numbers.extend(hit.after.iter().map(|line| line.line));
    }
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6], "{found:?}");
}

fn counted(found: &Grepped) -> Vec<(&str, u64)> {
    found
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.count))
        .collect()
}

async fn files_and_counts_are_other_forms(ws: &Workspace) {
    ws.tree(&[("/a", "x x\nx\n"), ("/b", "y\n"), ("/c", "x\n")])
        .await;
    let files = ws.searched(&grep("x").output(GrepOutput::Files)).await;
    assert_eq!(counted(&files), [("/a", 1), ("/c", 1)]);
    let counts = ws.searched(&grep("x").output(GrepOutput::Counts)).await;
    assert_eq!(
        counted(&counts),
        [("/a", 2), ("/c", 1)],
        "lines are counted"
    );
    assert_eq!((files.searched, counts.searched), (3, 3));
}

async fn a_limit_returns_the_first_matches(ws: &Workspace) {
    ws.tree(&[("/b", "x\nx\n"), ("/a", "x\n"), ("/c/d", "x\n")])
        .await;
    let all = ws.hits(&grep("x")).await;
    assert_eq!(all, ["/a:1:x", "/b:1:x", "/b:2:x", "/c/d:1:x"]);
    for limit in 1..=5 {
        let found = ws.grep_with(&grep("x").limit(limit)).await.unwrap();
        let hits: Vec<String> = found
            .matches
            .iter()
            .map(|hit| format!("{}:{}:x", hit.path, hit.line))
            .collect();
        assert_eq!(hits, all[..limit.min(4)], "limit {limit}");
        assert_eq!(
            found.truncated.is_some(),
            limit < 4,
            "limit {limit}: {found:?}"
        );
    }
}

async fn a_limit_counts_files_where_files_are_asked_for(ws: &Workspace) {
    ws.tree(&[("/a", "x\nx\nx\n"), ("/b", "x\n"), ("/c", "x\n")])
        .await;
    for output in [GrepOutput::Files, GrepOutput::Counts] {
        let found = ws
            .grep_with(&grep("x").output(output).limit(2))
            .await
            .unwrap();
        let paths: Vec<&str> = counted(&found).into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["/a", "/b"], "{output:?}");
        assert!(found.truncated.is_some(), "{output:?}");
        let found = ws
            .grep_with(&grep("x").output(output).limit(3))
            .await
            .unwrap();
        assert!(found.is_whole(), "{output:?}: {found:?}");
    }
}

async fn a_file_limit_leaves_room_for_others(ws: &Workspace) {
    ws.tree(&[("/a", "x\nx\nx\n"), ("/b", "x\n")]).await;
    let found = ws.grep_with(&grep("x").file_limit(2)).await.unwrap();
    let hits: Vec<(&str, u64)> = found
        .matches
        .iter()
        .map(|hit| (hit.path.as_str(), hit.line))
        .collect();
    assert_eq!(hits, [("/a", 1), ("/a", 2), ("/b", 1)]);
}

async fn a_limit_of_zero_is_refused_by_grep(ws: &Workspace) {
    ws.put("/a", "x").await;
    let error = refused(
        ws.grep_with(&grep("x").limit(0)).await,
        ErrorKind::InvalidRequest,
    );
    assert!(error.to_string().contains("at least 1"), "{error}");
}

async fn a_bad_pattern_is_shown_with_a_caret(ws: &Workspace) {
    ws.put("/f", "x").await;
    for text in ["(", "a)", "[z", "x{2,1}", "*", "\\"] {
        match refused(ws.grep(text).await, ErrorKind::InvalidPattern) {
            Error::InvalidPattern { pattern, message } => {
                assert_eq!(pattern, text);
                assert!(message.contains('^'), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn an_unsupported_regex_feature_is_an_error(ws: &Workspace) {
    ws.put("/f", "foobar aa").await;
    for pattern in ["foo(?=bar)", "(?<!x)foo", r"(a)\1"] {
        refused(ws.grep(pattern).await, ErrorKind::InvalidPattern);
    }
}

async fn a_pattern_takes_linear_time(ws: &Workspace) {
    ws.put("/f", "a".repeat(5000) + "b\n").await;
    assert!(ws.hits(&grep("(a+)+$")).await.is_empty());
    assert!(ws.hits(&grep("(a|aa)+c")).await.is_empty());
    refused(
        ws.grep(r"((\w{100}){100}){100}").await,
        ErrorKind::InvalidPattern,
    );
    refused(
        ws.grep("(".repeat(5000) + &")".repeat(5000)).await,
        ErrorKind::InvalidPattern,
    );
}

async fn a_pattern_is_never_an_option(ws: &Workspace) {
    ws.tree(&[
        ("/-f", "-> x\n--pre=./evil.sh\n-e\n"),
        ("/--help", "nothing\n"),
    ])
    .await;
    assert_eq!(ws.hits(&grep("-> x")).await, ["/-f:1:-> x"]);
    assert_eq!(
        ws.hits(&grep("--pre=./evil.sh")).await,
        ["/-f:2:--pre=./evil.sh"]
    );
    assert_eq!(ws.hits(&grep("-e").fixed()).await, ["/-f:3:-e"]);
    assert_eq!(
        ws.hits(&grep("nothing").path(p("/--help"))).await,
        ["/--help:1:nothing"]
    );
}

async fn a_thousand_matches_are_the_default(ws: &Workspace) {
    ws.put("/f", "x\n".repeat(1001)).await;
    let found = ws.grep("x").await.unwrap();
    assert_eq!(
        (found.matches.len(), found.truncated.is_some()),
        (1000, true)
    );
    ws.put("/f", "x\n".repeat(1000)).await;
    assert!(ws.grep("x").await.unwrap().is_whole());
}

async fn empty_matches_are_matches(ws: &Workspace) {
    ws.tree(&[("/f", "a\n\nb"), ("/empty", "")]).await;
    for pattern in ["", "x*", "^", "$"] {
        assert_eq!(lines(ws, &grep(pattern)).await, [1, 2, 3], "{pattern:?}");
    }
    assert_eq!(lines(ws, &grep("^$")).await, [2]);
}

async fn a_generous_timeout_changes_nothing(ws: &Workspace) {
    ws.tree(&[("/a", "x"), ("/b", "x")]).await;
    let request = grep("x").timeout(std::time::Duration::from_secs(3600));
    assert_eq!(ws.hits(&request).await, ["/a:1:x", "/b:1:x"]);
}

async fn a_search_out_of_time_says_so(ws: &Workspace) {
    for n in 0..50 {
        ws.put(&format!("/{n}"), "x\n").await;
    }
    let at_once = std::time::Duration::ZERO;
    let found = ws.grep_with(&grep("x").timeout(at_once)).await.unwrap();
    assert_eq!(found.truncated, Some(Truncation::Time), "{found:?}");
    assert!(found.matches.len() < 50);
    let page = ws
        .glob_with(&GlobRequest::new("**").timeout(at_once))
        .await
        .unwrap();
    assert_eq!(page.truncated, Some(Truncation::Time), "{page:?}");
    assert!(page.items.len() < 50);
}
