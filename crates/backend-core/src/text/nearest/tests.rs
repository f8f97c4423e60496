//! Hints: the reported difference, and the text that is shown.

use proptest::prelude::*;

use super::find;
use crate::Difference;

const CODE: &str = "\
fn main() {
    let total = 1;

    println!(\"{total}\");
}

fn Other(values: &[u32]) -> u32 {
    let sum: u32 = values.iter().sum();
    sum / 2 // it\u{2019}s half \u{2014} no more
}
";

#[track_caller]
fn check(text: &str, needle: &str, line: u64, difference: Difference, shown: &str) {
    let near = find(text, needle).unwrap_or_else(|| panic!("nothing is near {needle:?}"));
    assert_eq!(
        (near.line, near.difference, near.text.as_str()),
        (line, difference, shown)
    );
}

#[test]
fn line_numbers_of_a_listing_are_reported() {
    let shown = "    let total = 1;\n\n    println!(\"{total}\");";
    let difference = Difference::LineNumbers;
    for needle in [
        "     2\t    let total = 1;\n     3\t\n     4\t    println!(\"{total}\");",
        "2:abcd|    let total = 1;\n3:1234|\n4:wxyz|    println!(\"{total}\");",
        "2:    let total = 1;\n3:\n4:    println!(\"{total}\");\n",
        "2: let total = 1;\n3:\n4: println!(\"{total}\");\n",
        "  2→    let total = 1;\n  3→\n  4→    println!(\"{total}\");",
        "2 | let total = 1;\n\n3 | println!(\"{total}\");",
    ] {
        check(CODE, needle, 2, difference, shown);
    }
    check(CODE, "1\tfn main() {", 1, difference, "fn main() {");
}

#[test]
fn line_endings_are_reported() {
    let difference = Difference::LineEndings;
    check("a\nbc\nd\n", "bc\r\nd", 2, difference, "bc\nd");
    check("a\rb", "a\nb", 1, difference, "a\rb");
    check("x\r\na\nb\n", "a\r\nb\r\n", 2, difference, "a\nb");
}

#[test]
fn indentation_is_reported() {
    check(
        CODE,
        "\tlet total = 1;\n\n\tprintln!(\"{total}\");\n",
        2,
        Difference::Indentation,
        "    let total = 1;\n\n    println!(\"{total}\");",
    );
    check(
        "a\r\n\tb\r\n",
        "a\n    b",
        1,
        Difference::Indentation,
        "a\r\n\tb",
    );
    check(
        "  x = 1\n",
        "   x = 1",
        1,
        Difference::Indentation,
        "  x = 1",
    );
}

#[test]
fn whitespace_is_reported() {
    let difference = Difference::Whitespace;
    check(CODE, "let total=1;", 2, difference, "    let total = 1;");
    check(
        CODE,
        "let total = 1;\n    println!",
        2,
        difference,
        "    let total = 1;\n\n    println!(\"{total}\");",
    );
    check("foo  \nbar\n", "foo\nbar", 1, difference, "foo  \nbar");
}

#[test]
fn case_is_reported() {
    check(
        CODE,
        "fn other(",
        7,
        Difference::Case,
        "fn Other(values: &[u32]) -> u32 {",
    );
    check(
        "STRASSE İ\n",
        "strasse i\u{307}",
        1,
        Difference::Case,
        "STRASSE İ",
    );
}

#[test]
fn characters_that_look_alike_are_reported() {
    let shown = "    sum / 2 // it\u{2019}s half \u{2014} no more";
    check(
        CODE,
        "it's half - no more",
        9,
        Difference::Punctuation,
        shown,
    );
    check(
        "a\u{a0}b…\u{200b}c ｘ",
        "a b...c x",
        1,
        Difference::Punctuation,
        "a\u{a0}b…\u{200b}c ｘ",
    );
    check(
        CODE,
        "it's  half -  no more",
        9,
        Difference::Punctuation,
        shown,
    );
}

#[test]
fn other_words_are_reported() {
    check(
        CODE,
        "    let sum: u64 = values.into_iter().sum();\n    sum / 3",
        8,
        Difference::Words,
        "    let sum: u32 = values.iter().sum();\n    sum / 2 // it\u{2019}s half \u{2014} no more",
    );
    check(
        CODE,
        "fn main() {\n    let total_sum = 2;\n\n    print!(\"{total}\");\n}",
        1,
        Difference::Words,
        "fn main() {\n    let total = 1;\n\n    println!(\"{total}\");\n}",
    );
}

#[test]
fn without_a_near_text_there_is_no_hint() {
    assert_eq!(find(CODE, "SELECT name FROM users WHERE id = 7"), None);
    assert_eq!(find("", "a"), None);
    assert_eq!(find("abc", "\n"), None);
    assert_eq!(find("cab", "a b"), None);
    assert_eq!(find("abc", &"x".repeat(1 << 20)), None);
}

#[test]
fn numbers_that_do_not_count_up_are_content() {
    assert_eq!(find("a\nb\n", "1: a\n5: b"), None);
}

#[test]
fn the_shown_text_is_cut() {
    let text = format!("{}\n", "word ".repeat(1000));
    let near = find(&text, &"word  ".repeat(1000)).unwrap();
    assert_eq!(near.difference, Difference::Whitespace);
    assert!(
        (596..=600).contains(&near.text.len()),
        "{}",
        near.text.len()
    );
    let text: String = (0..100).map(|line| format!("  line {line}\n")).collect();
    let needle: String = (0..100).map(|line| format!("line {line}\n")).collect();
    assert_eq!(find(&text, &needle).unwrap().text.lines().count(), 12);
}

#[test]
fn a_large_text_is_searched_in_part() {
    let text = format!("  first\n{}  last\n", "filler\n".repeat(1 << 20));
    assert_eq!(find(&text, "\tfirst").unwrap().line, 1);
    assert_eq!(find(&text, "\tlast\n"), None);
}

proptest! {
    #[test]
    fn any_needle_gets_a_hint_or_none(
        text in "[ -~\r\n\t’—é\u{a0}İ]{0,80}",
        needle in "[ -~\r\n\t’—é\u{a0}İ]{1,40}",
    ) {
        if let Some(near) = find(&text, &needle) {
            prop_assert!(text.contains(&near.text), "{:?}", near);
            let lines = text.split_inclusive('\n').count() as u64;
            prop_assert!((1..=lines).contains(&near.line));
        }
    }

    #[test]
    fn a_needle_with_other_indentation_is_found(
        lines in proptest::collection::vec(("[ \t]{0,3}", "[a-z(]{1,5}", "[ \t]{0,3}"), 1..6),
        above in 0_usize..4,
    ) {
        let text: String = lines.iter().map(|(indent, content, _)| format!("{indent}{content}\n")).collect();
        let needle: String = lines.iter().map(|(_, content, indent)| format!("{indent}{content}\n")).collect();
        let text = format!("{}{text}", "1\n".repeat(above));
        if text.contains(&needle) {
            return Ok(());
        }
        let near = find(&text, &needle).unwrap();
        prop_assert_eq!((near.line, near.difference), (above as u64 + 1, Difference::Indentation));
    }
}
