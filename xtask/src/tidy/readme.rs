//! Every crate has a README, which is also its documentation, and the root's README names every crate for users.

use super::project::{Finding, Project, SourceFile};

/// The longest that a README of a crate may be.
const LINES: usize = 80;

/// The longest that of the project may be.
const ROOT_LINES: usize = 120;

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let root = project.file("README.md");
    match root {
        Some(file) => findings.extend(too_long(file, ROOT_LINES)),
        None => findings.push(Finding::new("README.md", "there is none")),
    }
    let rows: Vec<&str> = root
        .map(|file| table_rows(&file.text).collect())
        .unwrap_or_default();
    for package in project
        .workspace
        .packages
        .iter()
        .filter(|package| package.for_users)
    {
        let path = format!("{}/README.md", package.dir);
        match project.file(&path) {
            None => findings.push(Finding::new(&path, "there is none")),
            Some(file) => {
                findings.extend(too_long(file, LINES));
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

fn too_long(file: &SourceFile, limit: usize) -> Option<Finding> {
    let lines = file.text.lines().count();
    (lines > limit).then(|| file.finding(format!("{lines} lines, the limit is {limit}")))
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
        let package = |name: &str, for_users| Package {
            name: name.to_owned(),
            dir: format!("crates/{name}"),
            for_users,
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
    fn the_readme_of_the_project_may_be_longer() {
        let table = |lines: usize| format!("| core |\n| state |\n{}", "x\n".repeat(lines - 2));
        let of = |root: &str| {
            found(&[
                ("README.md", root),
                ("crates/core/README.md", "# core\n"),
                STATE,
            ])
        };
        assert_eq!(of(&table(120)), [""; 0]);
        assert_eq!(of(&table(121)), ["README.md: 121 lines, the limit is 120"]);
    }
}
