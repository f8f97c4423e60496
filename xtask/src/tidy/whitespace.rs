//! Text files have no invisible white space: no tabs, no carriage returns, nothing after the last word of a
//! line, and exactly one newline at the end.

use super::project::{Finding, Project, SourceFile};

/// A directory of recorded program output, whose white space is kept.
const GOLDEN: &str = "golden";

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let written = |file: &&SourceFile| !file.path.split('/').any(|part| part == GOLDEN);
    project
        .files
        .iter()
        .filter(written)
        .flat_map(check_file)
        .collect()
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Not `lines`, which would treat a carriage return as part of the line's end.
    for (number, line) in (1..).zip(file.text.split('\n')) {
        if line.contains('\r') {
            findings.push(file.finding_at(number, "a carriage return"));
        } else if line.contains('\t') {
            findings.push(file.finding_at(number, "a tab"));
        } else if line.ends_with(char::is_whitespace) {
            findings.push(file.finding_at(number, "white space at the end of the line"));
        }
    }
    if file.text.starts_with('\u{feff}') {
        findings.push(file.finding("a byte order mark"));
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        findings.push(file.finding("no newline at the end"));
    }
    if file.text.ends_with("\n\n") {
        findings.push(file.finding("an empty line at the end"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{Project, check};
    use crate::workspace::Workspace;

    #[track_caller]
    fn found(text: &str) -> Vec<String> {
        let workspace = Workspace::default();
        let findings = check(&Project::of(&workspace, &[("a.md", text)]));
        findings
            .into_iter()
            .map(|finding| finding.to_string())
            .collect()
    }

    #[test]
    fn clean_text_passes() {
        assert!(found("").is_empty());
        assert!(found("a\n\n  b\n").is_empty());
    }

    #[test]
    fn recorded_output_is_exempt() {
        let workspace = Workspace::default();
        let project = Project::of(&workspace, &[("tests/golden/a.txt", "a\t \n\n")]);
        assert!(check(&project).is_empty());
    }

    #[test]
    fn each_kind_of_hidden_white_space_is_found() {
        assert_eq!(found("a\r\nb\n"), ["a.md:1: a carriage return"]);
        assert_eq!(found("a\n\tb\n"), ["a.md:2: a tab"]);
        assert_eq!(
            found("a \n"),
            ["a.md:1: white space at the end of the line"]
        );
        assert_eq!(found("a"), ["a.md: no newline at the end"]);
        assert_eq!(found("a\n\n"), ["a.md: an empty line at the end"]);
        assert_eq!(found("\u{feff}a\n"), ["a.md: a byte order mark"]);
    }
}
