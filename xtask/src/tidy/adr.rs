//! Decisions are numbered from 0001 without gaps, and short enough to be read.

use super::project::{Finding, Project};

const FOLDER: &str = "docs/adr/";
const LINES: usize = 60;

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut expected = 1;
    // The files are in the order of their paths, so also of their numbers.
    for file in project.with_extension(&["md"]) {
        let Some(name) = file
            .path
            .strip_prefix(FOLDER)
            .filter(|name| *name != "README.md")
        else {
            continue;
        };
        match name
            .split_once('-')
            .and_then(|(number, _)| number_of(number))
        {
            None => findings.push(file.finding("its name is not NNNN-title.md")),
            Some(number) if number != expected => {
                findings.push(file.finding(format!("the next number is {expected:04}")));
                expected = number + 1;
            }
            Some(_) => expected += 1,
        }
        let lines = file.text.lines().count();
        if lines > LINES {
            findings.push(file.finding(format!("{lines} lines, the limit is {LINES}")));
        }
    }
    findings
}

fn number_of(text: &str) -> Option<u32> {
    let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{Project, check};
    use crate::workspace::Workspace;

    #[track_caller]
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let workspace = Workspace::default();
        let findings = check(&Project::of(&workspace, files));
        findings
            .into_iter()
            .map(|finding| finding.to_string())
            .collect()
    }

    #[test]
    fn numbers_without_gaps_pass() {
        let row = [
            ("docs/adr/0001-a.md", ""),
            ("docs/adr/0002-b.md", ""),
            ("docs/adr/README.md", ""),
        ];
        assert!(found(&row).is_empty());
    }

    #[test]
    fn gaps_doubles_and_lengths_are_found() {
        let long = "x\n".repeat(61);
        let row = [
            ("docs/adr/0001-a.md", long.as_str()),
            ("docs/adr/0003-b.md", ""),
            ("docs/adr/0003-c.md", ""),
            ("docs/adr/4-d.md", ""),
        ];
        assert_eq!(
            found(&row),
            [
                "docs/adr/0001-a.md: 61 lines, the limit is 60",
                "docs/adr/0003-b.md: the next number is 0002",
                "docs/adr/0003-c.md: the next number is 0004",
                "docs/adr/4-d.md: its name is not NNNN-title.md",
            ]
        );
    }
}
