//! Nothing is left for later: no holes in the code, no debugging aids, no notes about unfinished work.

use super::project::{Finding, Project};

/// Code that is not allowed. In parts, because otherwise this file would break its own rule.
const CODE: &[&str] = &[
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
];

/// Notes that must not begin a comment, nor occur in one as a word.
const NOTES: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in project.with_extension(&["rs"]) {
        for (number, line) in file.numbered() {
            let code = CODE.iter().copied().find(|code| holds_code(line, code));
            let note = || comment(line).and_then(note);
            if let Some(marker) = code.or_else(note) {
                findings
                    .push(file.finding_at(number, format!("'{marker}' is for unfinished work")));
            }
        }
    }
    for file in project.with_extension(&["toml", "yml", "yaml", "sh"]) {
        for (number, line) in file.numbered() {
            if let Some(note) = line.trim_start().strip_prefix('#').and_then(note) {
                findings.push(file.finding_at(number, format!("'{note}' is for unfinished work")));
            }
        }
    }
    findings
}

fn holds_code(line: &str, code: &str) -> bool {
    line.match_indices(code).any(|(at, _)| {
        // A longer name is another macro.
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Returns the comment that a line is. Text in a string is content, such as that of a test for a search; so is
/// the code in documentation.
fn comment(line: &str) -> Option<&str> {
    let comment = line.trim_start().strip_prefix("//")?;
    (!comment.contains('"') && !comment.contains('`')).then_some(comment)
}

fn note(comment: &str) -> Option<&'static str> {
    let mut words = comment.split(|c: char| !c.is_alphanumeric());
    let found = words.find_map(|word| NOTES.iter().find(|note| **note == word));
    found.copied()
}

#[cfg(test)]
mod tests {
    use super::{CODE, NOTES, Project, check};
    use crate::workspace::Workspace;

    #[track_caller]
    fn found(path: &str, text: &str) -> usize {
        let workspace = Workspace::default();
        check(&Project::of(&workspace, &[(path, text)])).len()
    }

    #[test]
    fn unfinished_code_is_found() {
        for code in CODE {
            assert_eq!(found("a.rs", &format!("    {code})\n")), 1, "{code}");
            assert_eq!(found("a.rs", &format!("my_{code})\n")), 0, "{code}");
        }
    }

    #[test]
    fn notes_are_found_in_comments_and_not_in_content() {
        for note in NOTES {
            assert_eq!(found("a.rs", &format!("  // {note}: later\n")), 1, "{note}");
            assert_eq!(
                found("a.rs", &format!("/// is {note}(me) here\n")),
                1,
                "{note}"
            );
            assert_eq!(
                found("a.rs", &format!("let text = \"// {note}\";\n")),
                0,
                "{note}"
            );
            assert_eq!(
                found("a.rs", &format!("/// backend.grep(\"{note}\")\n")),
                0,
                "{note}"
            );
            assert_eq!(found("a.toml", &format!("# {note}\n")), 1, "{note}");
            assert_eq!(found("a.sh", &format!("mktemp a.{note}XX\n")), 0, "{note}");
        }
    }
}
