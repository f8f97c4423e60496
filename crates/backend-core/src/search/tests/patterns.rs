//! The regular expressions of a grep, and those that are refused.

use super::{Forest, grep_refuses, hits};
use crate::{Case, ErrorKind, GrepRequest};

fn lines(text: &str, request: &GrepRequest) -> Vec<u64> {
    let mut tree = Forest::new([("/f", text)]);
    super::grepped(&mut tree, request)
        .matches
        .iter()
        .map(|hit| hit.line)
        .collect()
}

#[test]
fn patterns_are_rust_regular_expressions() {
    let text = "foo\nbaz\nfooo bar\nFOO\nx1-2y\n日本\n";
    for (pattern, want) in [
        ("foo|baz", vec![1, 2, 3]),
        ("^fo+$", vec![1]),
        ("[a-c]+z", vec![2]),
        (r"\bbar\b", vec![3]),
        (r"\d-\d", vec![5]),
        ("(?i)foo", vec![1, 3, 4]),
        ("o{3}", vec![3]),
        (r"\p{Han}{2}", vec![6]),
        ("^..$", vec![6]),
        (r"\Afoo", vec![1, 3]),
        (r"r\z", vec![3]),
        (r"x\s*1", vec![5]),
        ("none", vec![]),
    ] {
        assert_eq!(lines(text, &GrepRequest::new(pattern)), want, "{pattern}");
    }
}

#[test]
fn a_fixed_pattern_is_literal_text() {
    let text = "a.c\nabc\n(x\n$1^\n\\d\n[y\n-> z\n--pre=x\ndon't\n";
    for (pattern, line) in [
        ("a.c", 1),
        ("(x", 3),
        ("$1^", 4),
        ("\\d", 5),
        ("[y", 6),
        ("-> z", 7),
        ("--pre=x", 8),
        ("n't", 9),
    ] {
        assert_eq!(
            lines(text, &GrepRequest::new(pattern).fixed()),
            [line],
            "{pattern}"
        );
    }
    assert_eq!(lines(text, &GrepRequest::new("-> z")), [7]);
    assert_eq!(lines(text, &GrepRequest::new("don't")), [9]);
}

#[test]
fn case_sensitivity_is_as_requested() {
    let text = "needle\nNeedle\nNEEDLE\nÉ\né\n";
    let with = |pattern: &str, case| lines(text, &GrepRequest::new(pattern).case(case));
    assert_eq!(with("needle", Case::Sensitive), [1]);
    assert_eq!(with("needle", Case::Insensitive), [1, 2, 3]);
    assert_eq!(with("é", Case::Insensitive), [4, 5]);
    assert_eq!(with("needle", Case::Smart), [1, 2, 3]);
    assert_eq!(with("Needle", Case::Smart), [2]);
    assert_eq!(with(r"\wEEDLE", Case::Smart), [3]);
    assert_eq!(
        with(r"ne\S", Case::Smart),
        [1, 2, 3],
        "an escape is not a letter"
    );
    let fixed = GrepRequest::new("NEEDLE").fixed().case(Case::Insensitive);
    assert_eq!(lines(text, &fixed), [1, 2, 3]);
}

#[test]
fn only_whole_words_match() {
    let text = "cat\nconcat\ncat-like\ncat_like\nthe cat.\n";
    assert_eq!(lines(text, &GrepRequest::new("cat").word()), [1, 3, 5]);
    assert_eq!(lines(text, &GrepRequest::new("cat|like").word()), [1, 3, 5]);
    assert_eq!(
        lines(text, &GrepRequest::new("cat").word().fixed()),
        [1, 3, 5]
    );
}

#[test]
fn empty_matches_are_matches_and_an_empty_file_has_no_lines() {
    for pattern in ["", "x*", "^", "$", "(?m)^"] {
        for request in [
            GrepRequest::new(pattern),
            GrepRequest::new(pattern).multi_line(),
        ] {
            assert_eq!(lines("a\n\nb", &request), [1, 2, 3], "{request:?}");
            assert_eq!(lines("a\n\nb\n", &request), [1, 2, 3], "{request:?}");
            assert!(lines("", &request).is_empty(), "{request:?}");
        }
    }
    assert_eq!(lines("a\n\nb", &GrepRequest::new("^$")), [2]);
    assert_eq!(lines("a\n\nb", &GrepRequest::new("^$").multi_line()), [2]);
}

#[test]
fn a_pattern_takes_linear_time() {
    let text = "a".repeat(100_000) + "b\n";
    assert!(lines(&text, &GrepRequest::new("(a+)+$")).is_empty());
    assert!(lines(&text, &GrepRequest::new("(a|aa)+c")).is_empty());
    assert!(lines(&text, &GrepRequest::new("(a*)*\n").multi_line()).is_empty() == text.is_empty());
}

#[test]
fn a_match_can_span_lines() {
    let mut tree = Forest::new([("/f", "start\na {\n  b\n}\nend a {}\n")]);
    let over = |pattern: &str| GrepRequest::new(pattern).multi_line();
    assert_eq!(
        hits(&mut tree, &over(r"a \{.*?\}")),
        ["/f:2:1:a {\n  b\n}", "/f:5:5:end a {}"]
    );
    assert_eq!(hits(&mut tree, &over(r"start\na")), ["/f:1:1:start\na {"]);
    assert_eq!(hits(&mut tree, &over("b\n}").fixed()), ["/f:3:3:  b\n}"]);
    assert_eq!(hits(&mut tree, &over(r"\n")).len(), 5);
    assert_eq!(hits(&mut tree, &over(r"rt\n"))[0], "/f:1:4:start");
    assert_eq!(hits(&mut tree, &over(r"\nend")), ["/f:4:2:}\nend a {}"]);
    assert_eq!(hits(&mut tree, &over("(?s).*")).len(), 1);
    assert!(
        hits(&mut tree, &GrepRequest::new(r"a \{.*b")).is_empty(),
        "not unless asked for"
    );
}

#[test]
fn several_matches_that_start_on_one_line_are_one() {
    let mut tree = Forest::new([("/f", "x = [\n1\n]; y = [\n2\n]; [z]\n")]);
    let request = GrepRequest::new(r"\[[^\]]*\]").multi_line();
    assert_eq!(
        hits(&mut tree, &request),
        [
            "/f:1:5:x = [\n1\n]; y = [",
            "/f:3:8:]; y = [\n2\n]; [z]",
            "/f:5:4:]; [z]"
        ]
    );
}

#[test]
fn a_bad_pattern_is_shown_with_a_caret() {
    for (pattern, caret) in [
        ("(", "    (\n    ^"),
        ("ab)", "    ab)\n      ^"),
        ("[z", "    [z\n    ^"),
        ("x{2,1}", "^^^^^"),
        ("*", "    *\n    ^"),
        ("\\", "^"),
        ("foo(?=bar)", "look-around"),
        ("(?<!x)foo", "look-around"),
        (r"(a)\1", "backreferences are not supported"),
        (r"\p{Nonsense}", "Unicode property not found"),
    ] {
        grep_refuses(&GrepRequest::new(pattern), ErrorKind::InvalidPattern, caret);
    }
}

#[test]
fn a_pattern_that_can_never_match_is_refused() {
    for request in [
        GrepRequest::new(r"a\nb"),
        GrepRequest::new("a\nb"),
        GrepRequest::new("a\r\nb"),
        GrepRequest::new("a\nb").fixed(),
    ] {
        grep_refuses(&request, ErrorKind::InvalidPattern, "multi_line");
    }
    grep_refuses(
        &GrepRequest::new(r"a\x00"),
        ErrorKind::InvalidPattern,
        "NUL",
    );
    assert_eq!(lines("a b\n", &GrepRequest::new(r"a\sb")), [1]);
}

#[test]
fn a_pattern_that_is_too_large_is_refused() {
    for pattern in [
        r"((\w{100}){100}){100}".to_owned(),
        "(".repeat(5000) + &")".repeat(5000),
        "a".repeat((64 << 10) + 1),
    ] {
        grep_refuses(&GrepRequest::new(pattern), ErrorKind::InvalidPattern, "");
    }
}

#[test]
fn limits_and_context_have_bounds() {
    let request = || GrepRequest::new("x");
    grep_refuses(&request().limit(0), ErrorKind::InvalidRequest, "at least 1");
    grep_refuses(
        &request().file_limit(0),
        ErrorKind::InvalidRequest,
        "at least 1",
    );
    grep_refuses(
        &request().context(1001, 0),
        ErrorKind::InvalidRequest,
        "1000",
    );
    grep_refuses(
        &request().context(0, usize::MAX),
        ErrorKind::InvalidRequest,
        "1000",
    );
    assert_eq!(
        lines("x\n", &request().limit(usize::MAX).context(1000, 1000)),
        [1]
    );
}

#[test]
fn a_carriage_return_before_a_newline_is_seen_by_no_pattern() {
    let mut tree = Forest::new([("/f", "foo\r\nbar\nfoo bar\r\nx\ry\r\n\r\n")]);
    let mut check = |pattern: &str, want: &[&str]| {
        for request in [
            GrepRequest::new(pattern),
            GrepRequest::new(pattern).multi_line(),
        ] {
            assert_eq!(hits(&mut tree, &request), want, "{request:?}");
        }
    };
    check("foo$", &["/f:1:1:foo"]);
    check("bar$", &["/f:2:1:bar", "/f:3:5:foo bar"]);
    check("^foo$", &["/f:1:1:foo"]);
    check("^$", &["/f:5:1:"]);
    check("\\r", &["/f:4:2:x\ry"]);
    check("^y", &[]);
}

#[test]
fn a_newline_in_a_pattern_matches_whatever_ends_a_line() {
    let mut tree = Forest::new([("/crlf", "foo\r\nbar\r\n"), ("/lf", "foo\nbar\n")]);
    let want = ["/crlf:1:1:foo\nbar", "/lf:1:1:foo\nbar"];
    for pattern in [
        r"foo\nbar",
        r"foo\r\nbar",
        "foo\r\nbar",
        "foo\nbar",
        r"foo\r?\nbar",
        r"foo[\r\n]+bar",
    ] {
        assert_eq!(
            hits(&mut tree, &GrepRequest::new(pattern).multi_line()),
            want,
            "{pattern:?}"
        );
    }
    assert_eq!(
        hits(
            &mut tree,
            &GrepRequest::new("foo\r\nbar").fixed().multi_line()
        ),
        want
    );
    let quantified = GrepRequest::new(r"x?foo\r\n?b").multi_line();
    assert!(hits(&mut tree, &quantified).is_empty());
    let escaped = GrepRequest::new(r"\\r\nbar").multi_line();
    assert!(
        hits(&mut tree, &escaped).is_empty(),
        "a backslash, and then an r"
    );
}
