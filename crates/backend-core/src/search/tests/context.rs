//! The lines around a match.

use super::{Forest, grepped};
use crate::{GrepLine, GrepRequest};

fn lines(lines: &[GrepLine]) -> String {
    lines
        .iter()
        .map(|line| format!("{}{} ", line.line, line.text))
        .collect()
}

/// The lines shown for each match: `before|line|after`.
#[track_caller]
fn check(text: &str, request: GrepRequest, want: &[&str]) {
    let mut tree = Forest::new([("/f", text)]);
    for request in [request.clone(), over_lines(request)] {
        let shown: Vec<String> = grepped(&mut tree, &request)
            .matches
            .iter()
            .map(|hit| format!("{}|{}|{}", lines(&hit.before), hit.line, lines(&hit.after)))
            .collect();
        assert_eq!(shown, want, "{request:?}");
    }
}

/// The same request through the search across lines.
fn over_lines(request: GrepRequest) -> GrepRequest {
    let pattern = format!("(?:{})|zq\\nzq", request.pattern);
    GrepRequest { pattern, ..request }.multi_line()
}

fn x(before: usize, after: usize) -> GrepRequest {
    GrepRequest::new("x").context(before, after)
}

#[test]
fn context_comes_with_its_numbers_and_stays_in_the_file() {
    let text = "a\nb\nc\nx\ne\nf\ng";
    check(text, x(2, 1), &["2b 3c |4|5e "]);
    check(text, x(9, 9), &["1a 2b 3c |4|5e 6f 7g "]);
    check(text, x(0, 0), &["|4|"]);
    check(text, GrepRequest::new("a").context(3, 3), &["|1|2b 3c 4x "]);
    check(text, GrepRequest::new("g").context(1, 5), &["6f |7|"]);
}

#[test]
fn no_line_is_shown_twice() {
    check(
        "x\nb\nc\nx\nx\nf\n",
        x(3, 3),
        &["|1|2b 3c ", "|4|", "|5|6f "],
    );
    check("x\nb\nc\nd\nx\n", x(1, 2), &["|1|2b 3c ", "4d |5|"]);
    check("x\nb\nc\nd\nx\n", x(2, 1), &["|1|2b ", "3c 4d |5|"]);
    check("x\nb\nc\nd\ne\nf\nx\n", x(1, 1), &["|1|2b ", "6f |7|"]);
    check("x\n\n\nx\n", x(1, 0), &["|1|", "3 |4|"]);
}

#[test]
fn the_last_match_that_was_asked_for_has_its_context_up_to_the_next() {
    check("x\nb\nc\nx\n", x(0, 5).file_limit(1), &["|1|2b 3c "]);
    check("x\nb\nc\nx\n", x(5, 1).file_limit(1), &["|1|2b "]);
    check("x\nx\n", x(1, 1).file_limit(1), &["|1|"]);
    check(
        "x\nb\nx\nd\nx\n",
        x(1, 1).file_limit(2),
        &["|1|2b ", "|3|4d "],
    );
    check("x\nb\nx\nd\nx\n", x(1, 1).limit(2), &["|1|2b ", "|3|4d "]);
}

#[test]
fn lines_of_context_are_cut_and_their_endings_are_not_shown() {
    let long = format!("{}\r\nx\r\nshort\r\n", "é".repeat(100));
    let mut tree = Forest::new([("/f", long.as_str())]);
    let found = grepped(&mut tree, &x(1, 1).line_bytes(7));
    assert_eq!(found.matches[0].before[0].text, "ééé");
    assert_eq!(found.matches[0].after[0].text, "short");
}

#[test]
fn a_match_over_several_lines_has_context_around_all_of_them() {
    let mut tree = Forest::new([("/f", "a\nb\nx\ny\ne\nf\nx\ny\ni\n")]);
    let request = GrepRequest::new("x\ny").multi_line().context(1, 1);
    let found = grepped(&mut tree, &request);
    let shown: Vec<String> = found
        .matches
        .iter()
        .map(|hit| format!("{}|{}|{}", lines(&hit.before), hit.line, lines(&hit.after)))
        .collect();
    assert_eq!(shown, ["2b |3|5e ", "6f |7|9i "]);
}
