//! Examples and tests run: nothing is marked as ignored, because its failures would go unnoticed.

use super::project::{Finding, Project, SourceFile};

/// In two parts, because otherwise this file would break its own rule.
const IGNORED_TEST: &str = concat!("#[", "ignore");

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let sources = project.with_extension(&["rs"]).flat_map(|file| {
        let blocks = unrun_blocks(file, doc_comment);
        blocks
            .into_iter()
            .chain(ignored_tests(file))
            .collect::<Vec<_>>()
    });
    // The README of a crate is its documentation, and its examples are doctests.
    let pages = project
        .with_extension(&["md"])
        .flat_map(|file| unrun_blocks(file, |line| Some(line)));
    sources.chain(pages).collect()
}

fn doc_comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"))
}

fn unrun_blocks(file: &SourceFile, text: fn(&str) -> Option<&str>) -> Vec<Finding> {
    let opens = |line: &str| {
        let line = text(line).unwrap_or_default().trim_start();
        let info = line
            .strip_prefix("```")
            .or_else(|| line.strip_prefix("~~~"));
        info.is_some_and(|info| {
            info.split([',', ' '])
                .any(|word| word.starts_with("ignore"))
        })
    };
    let found = file.numbered().filter(|(_, line)| opens(line));
    found
        .map(|(number, _)| {
            file.finding_at(
                number,
                "an example that is not run; no_run compiles it at least",
            )
        })
        .collect()
}

fn ignored_tests(file: &SourceFile) -> Vec<Finding> {
    let found = file
        .numbered()
        .filter(|(_, line)| line.trim_start().starts_with(IGNORED_TEST));
    found
        .map(|(number, _)| file.finding_at(number, "a test that is not run"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{IGNORED_TEST, Project, check};
    use crate::workspace::Workspace;

    #[track_caller]
    fn found(path: &str, text: &str) -> Vec<Option<usize>> {
        let workspace = Workspace::default();
        let findings = check(&Project::of(&workspace, &[(path, text)]));
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn ignored_examples_and_tests_are_found() {
        assert_eq!(found("a.rs", "//! x\n/// ```ignore\n"), [Some(2)]);
        assert_eq!(found("a.rs", "/// ```rust,ignore-wasm32\n"), [Some(1)]);
        assert_eq!(found("a.md", "```rust,ignore\n"), [Some(1)]);
        assert_eq!(
            found("a.rs", &format!("{IGNORED_TEST} = \"slow\"]\n")),
            [Some(1)]
        );
    }

    #[test]
    fn examples_that_run_or_compile_pass() {
        assert!(found("a.rs", "/// ```no_run\n/// ```\n// ```ignore\n").is_empty());
        assert!(found("a.md", "```text\nignore\n```\nwe ignore it\n").is_empty());
    }
}
