//! Every crate has a README, which is also its documentation, and the root's README names every published crate.

use super::project::{Finding, Project};

const LINES: usize = 80;

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let root = project.file("README.md");
    match root {
        Some(file) if file.text.lines().count() > LINES => {
            findings.push(file.finding(format!("over {LINES} lines")).warning());
        }
        Some(_) => {}
        None => findings.push(Finding::new("README.md", "there is none")),
    }
    let rows: Vec<&str> = root
        .map(|file| table_rows(&file.text).collect())
        .unwrap_or_default();
    for package in project
        .workspace
        .packages
        .iter()
        .filter(|package| package.published)
    {
        let path = format!("{}/README.md", package.dir);
        match project.file(&path) {
            None => findings.push(Finding::new(&path, "there is none")),
            Some(file) => {
                let lines = file.text.lines().count();
                if lines > LINES {
                    findings.push(file.finding(format!("{lines} lines, the limit is {LINES}")));
                }
                if !file.text.starts_with(&format!("# {}\n", package.name)) {
                    findings
                        .push(file.finding_at(1, format!("its title is not '{}'", package.name)));
                }
            }
        }
        if root.is_some() && !rows.iter().any(|row| names(row, &package.name)) {
            let message = format!("the table of crates has no row for {}", package.name);
            findings.push(Finding::new("README.md", message));
        }
    }
    findings
}

fn table_rows(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| line.starts_with('|'))
}

/// Returns whether the first cell of a row is this name, as a link or code or plain.
fn names(row: &str, name: &str) -> bool {
    let cell = row
        .trim_start_matches('|')
        .split('|')
        .next()
        .unwrap_or_default();
    let shown = cell
        .trim()
        .trim_start_matches('[')
        .split("](")
        .next()
        .unwrap_or_default();
    shown.trim_matches('`') == name
}

#[cfg(test)]
mod tests {
    use super::{Project, check};
    use crate::workspace::{Package, Workspace};

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let package = |name: &str, published| Package {
            name: name.to_owned(),
            dir: format!("crates/{name}"),
            published,
            ..Package::default()
        };
        let packages = vec![
            package("core", true),
            package("state", true),
            package("xtask", false),
        ];
        let workspace = Workspace {
            packages,
            ..Workspace::default()
        };
        let findings = check(&Project::of(&workspace, files));
        findings
            .into_iter()
            .map(|finding| finding.to_string())
            .collect()
    }

    const STATE: (&str, &str) = ("crates/state/README.md", "# state\n");

    #[test]
    fn good_readmes_pass() {
        let table =
            "# P\n\n| crate | |\n|---|---|\n| [`core`](crates/core) | x |\n| `state` | y |\n";
        let files = [
            ("README.md", table),
            ("crates/core/README.md", "# core\n"),
            STATE,
        ];
        assert!(found(&files).is_empty());
    }

    #[test]
    fn missing_and_too_long_readmes_are_found() {
        let long = format!("# core\n{}", "x\n".repeat(80));
        let rows = "| `core-utils` | not core |\n| state |\n";
        let files = [("README.md", rows), ("crates/core/README.md", &long)];
        assert_eq!(
            found(&files),
            [
                "crates/core/README.md: 81 lines, the limit is 80",
                "README.md: the table of crates has no row for core",
                "crates/state/README.md: there is none",
            ]
        );
    }

    #[test]
    fn a_long_root_readme_is_only_a_warning() {
        let table = format!("| core |\n| state |\n{}", "x\n".repeat(80));
        let files = [
            ("README.md", table.as_str()),
            ("crates/core/README.md", "# core\n"),
            STATE,
        ];
        assert_eq!(found(&files), ["(warning) README.md: over 80 lines"]);
    }
}
