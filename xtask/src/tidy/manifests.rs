//! Manifests are uniform: dependencies in alphabetical order, the workspace's lints in every crate, and a version for
//! every path dependency, without which a crate cannot be published.

use super::project::{Finding, Project, SourceFile};
use crate::workspace::{DependencyKind, Package};

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let workspace = project.workspace;
    let mut findings = Vec::new();
    for file in project.files.iter().filter(|file| is_manifest(&file.path)) {
        findings.extend(out_of_order(file));
    }
    for package in &workspace.packages {
        let path = format!("{}/Cargo.toml", package.dir);
        if let Some(file) = project.file(&path) {
            if !file.text.contains("[lints]\nworkspace = true\n") {
                findings.push(file.finding("[lints] workspace = true is missing"));
            }
            if package.for_users {
                findings.extend(publishable(file, package, &workspace.version));
            }
        }
        for dependency in &package.dependencies {
            let internal = workspace.package(&dependency.name).is_some();
            let published = dependency.kind != DependencyKind::Dev && package.for_users;
            if internal && published && dependency.requirement != format!("^{}", workspace.version)
            {
                let (name, requirement) = (&dependency.name, &dependency.requirement);
                let want = &workspace.version;
                findings.push(Finding::new(
                    &path,
                    format!("{name} is {requirement}, not ^{want}"),
                ));
            }
        }
    }
    findings
}

fn is_manifest(path: &str) -> bool {
    path == "Cargo.toml" || path.ends_with("/Cargo.toml")
}

fn publishable(file: &SourceFile, package: &Package, version: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if package.version != version {
        findings.push(file.finding(format!("the version is {}, not {version}", package.version)));
    }
    if package.description.is_empty() || !package.description.ends_with('.') {
        findings.push(file.finding("the description is not a sentence"));
    }
    findings
}

/// Finds the first key of each table of dependencies that is out of order.
fn out_of_order(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut previous: Option<&str> = None;
    let mut in_dependencies = false;
    for (number, line) in file.numbered() {
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]");
            previous = None;
        }
        let starts_key = line.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !in_dependencies || !starts_key {
            continue;
        }
        let key = line.split(['=', '.', ' ']).next().unwrap_or_default();
        if let Some(before) = previous.filter(|before| key < *before) {
            findings.push(file.finding_at(number, format!("{key} comes after {before}")));
        }
        previous = Some(key);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{Project, check};
    use crate::workspace::{Dependency, Package, Workspace};

    fn workspace() -> Workspace {
        let package = |name: &str, description: &str, dependencies| Package {
            name: name.to_owned(),
            version: "0.2.0".to_owned(),
            dir: format!("crates/{name}"),
            description: description.to_owned(),
            for_users: true,
            dependencies,
            ..Package::default()
        };
        let core = Dependency {
            name: "core".to_owned(),
            requirement: "^0.1.0".to_owned(),
            ..Dependency::default()
        };
        Workspace {
            version: "0.2.0".to_owned(),
            packages: vec![
                package("core", "A sentence.", Vec::new()),
                package("fs", "no", vec![core]),
            ],
            ..Workspace::default()
        }
    }

    #[test]
    fn problems_that_prevent_publishing_are_found() {
        let workspace = workspace();
        let good = "[package]\n\n[lints]\nworkspace = true\n";
        let files = [
            ("crates/core/Cargo.toml", good),
            ("crates/fs/Cargo.toml", "[package]\n"),
        ];
        let found: Vec<_> = check(&Project::of(&workspace, &files))
            .into_iter()
            .map(|finding| finding.to_string())
            .collect();
        assert_eq!(
            found,
            [
                "crates/fs/Cargo.toml: [lints] workspace = true is missing",
                "crates/fs/Cargo.toml: the description is not a sentence",
                "crates/fs/Cargo.toml: core is ^0.1.0, not ^0.2.0",
            ]
        );
    }

    #[test]
    fn dependencies_are_in_order_within_their_table() {
        let workspace = Workspace::default();
        let text = "[features]\nz = []\na = []\n[dependencies]\nb.workspace = true\nc = \"1\"\na-b = { x = 1 }\n\
                    [dev-dependencies]\na = \"1\"\nb = [\n  \"x\",\n]\n";
        let findings = check(&Project::of(&workspace, &[("Cargo.toml", text)]));
        let found: Vec<_> = findings
            .into_iter()
            .map(|finding| finding.to_string())
            .collect();
        assert_eq!(found, ["Cargo.toml:7: a-b comes after c"]);
    }
}
