//! The changelog describes what is about to be released: under `Unreleased` before a release, under the version after it.

use super::project::{Finding, Project};

const PATH: &str = "CHANGELOG.md";

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let Some(file) = project.file(PATH) else {
        return vec![Finding::new(PATH, "it is missing")];
    };
    let mut findings = Vec::new();
    let mut headings: Vec<&str> = Vec::new();
    for (number, line) in file.numbered() {
        let Some(heading) = line.strip_prefix("## ").map(title) else {
            continue;
        };
        if headings.contains(&heading) {
            findings.push(file.finding_at(number, format!("a second heading '{heading}'")));
        }
        headings.push(heading);
    }
    let version = project.workspace.version.as_str();
    if !headings.contains(&"Unreleased") && !headings.contains(&version) {
        let message = format!("neither a heading '## [Unreleased]' nor one '## [{version}]'");
        findings.push(file.finding(message));
    }
    findings
}

/// Returns what a heading is about: `0.1.0` of `[0.1.0] - 2026-01-31`.
fn title(heading: &str) -> &str {
    let first = heading.split(" - ").next().unwrap_or_default().trim();
    first.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::{Project, check};
    use crate::workspace::Workspace;

    #[track_caller]
    fn found(text: &str) -> usize {
        let workspace = Workspace {
            version: "0.2.0".to_owned(),
            ..Workspace::default()
        };
        check(&Project::of(&workspace, &[("CHANGELOG.md", text)])).len()
    }

    #[test]
    fn one_heading_for_the_next_release_is_enough() {
        assert_eq!(
            found("# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-01-31\n"),
            0
        );
        assert_eq!(found("## 0.2.0 - 2026-01-31\n"), 0);
        assert_eq!(found("## [0.1.0]\n"), 1);
        assert_eq!(
            found("## [Unreleased]\n## [0.2.0]\n## [0.2.0] - 2026-01-31\n"),
            1
        );
    }

    #[test]
    fn there_is_a_changelog() {
        let workspace = Workspace::default();
        assert_eq!(check(&Project::of(&workspace, &[])).len(), 1);
    }
}
