//! Words that were retired: phrases that a reader stumbles over, each with what to write instead.

use super::project::{Finding, Project};

/// In two parts, or this file would break its own rule.
const RETIRED: &[(&str, &str)] = &[
    (concat!("laid to", " rest"), "suspended"),
    (concat!("by and", " by"), "eventually"),
    (concat!("for", " ever"), "forever, or without a limit"),
    (concat!("some", " day"), "later"),
    (concat!("but", " for"), "except"),
    (concat!("all the", " same"), "anyway"),
    (concat!("goes", " on"), "continues"),
    (concat!("go", " on"), "continue"),
    (concat!("are", " told"), "are reported, or learn"),
];

/// Pages that quote words as they were.
const QUOTES: &[&str] = &["docs/adr/"];

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in project.with_extension(&["rs", "md"]) {
        if QUOTES.iter().any(|folder| file.path.starts_with(folder)) {
            continue;
        }
        let prose = file.path.ends_with(".md");
        for (number, line) in file.numbered() {
            if !prose && !line.trim_start().starts_with("//") {
                continue;
            }
            let line = line.to_lowercase();
            for (retired, instead) in RETIRED {
                if has_words(&line, retired) {
                    findings.push(file.finding_at(number, format!("'{retired}': write {instead}")));
                }
            }
        }
    }
    findings
}

/// Returns whether a line has a phrase as whole words.
fn has_words(line: &str, phrase: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    line.match_indices(phrase).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line
            .get(at + phrase.len()..)
            .and_then(|text| text.chars().next());
        !letter(before) && !letter(after)
    })
}

#[cfg(test)]
mod tests {
    use super::{Project, check};
    use crate::workspace::Workspace;

    #[test]
    fn retired_words_are_found_in_prose_and_comments() {
        let workspace = Workspace::default();
        let phrase = concat!("But", " for");
        let (page, comment) = (format!("{phrase} this\n"), format!("// x {phrase}.\n"));
        let (code, other) = (
            format!("\"{phrase}\";\n"),
            "// a button, but forks\n".to_owned(),
        );
        let files = [
            ("a.md", page.as_str()),
            ("b.rs", comment.as_str()),
            ("c.rs", code.as_str()),
            ("d.rs", other.as_str()),
            ("docs/adr/0001-a.md", page.as_str()),
        ];
        let findings = check(&Project::of(&workspace, &files));
        let found: Vec<&str> = findings
            .iter()
            .map(|finding| finding.path.as_str())
            .collect();
        assert_eq!(found, ["a.md", "b.rs"]);
    }
}
