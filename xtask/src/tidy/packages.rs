//! A crate for users is complete as a package of its own: it contains the licence, its page on docs.rs shows all features, and
//! keywords find it, and the links of its README work there too. None is published before all have a name that is theirs.

use super::project::{Finding, Project, SourceFile};

/// What docs.rs is asked for in every manifest.
const DOCS_RS: &str =
    "[package.metadata.docs.rs]\nall-features = true\nrustdoc-args = [\"--cfg\", \"docsrs\"]\n";

/// What makes docs.rs show which feature an item needs.
const DOC_CFG: &str = "#![cfg_attr(docsrs, feature(doc_cfg))]\n";

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let licence = project.file("LICENSE").map(|file| file.text.as_str());
    for package in project.workspace.packages.iter().filter(|p| p.for_users) {
        let own = format!("{}/LICENSE", package.dir);
        if project.file(&own).map(|file| file.text.as_str()) != licence {
            findings.push(Finding::new(&own, "not a copy of the project's licence"));
        }
        if let Some(file) = project.file(&format!("{}/Cargo.toml", package.dir)) {
            findings.extend(manifest(file));
        }
        if let Some(file) = project.file(&format!("{}/README.md", package.dir)) {
            let leaves = file.numbered().filter(|(_, line)| line.contains("](../"));
            findings.extend(leaves.map(|(number, _)| {
                file.finding_at(
                    number,
                    "a relative link out of the package, which is broken on docs.rs",
                )
            }));
        }
        let lib = format!("{}/src/lib.rs", package.dir);
        if let Some(file) = project.file(&lib)
            && !file.text.contains(DOC_CFG)
        {
            findings.push(file.finding(format!("{} is missing", DOC_CFG.trim_end())));
        }
    }
    findings
}

fn manifest(file: &SourceFile) -> Vec<Finding> {
    let wanted = [
        ("publish.workspace = true\n", "publish.workspace = true"),
        ("\nkeywords = [", "keywords"),
        ("\ncategories = [", "categories"),
        (
            DOCS_RS,
            "[package.metadata.docs.rs] with all features and --cfg docsrs",
        ),
    ];
    wanted
        .into_iter()
        .filter(|(text, _)| !file.text.contains(text))
        .map(|(_, name)| file.finding(format!("{name} is missing")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{DOC_CFG, DOCS_RS, Project, check};
    use crate::workspace::{Package, Workspace};

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let workspace = Workspace {
            packages: vec![Package {
                name: "core".to_owned(),
                dir: "crates/core".to_owned(),
                for_users: true,
                ..Package::default()
            }],
            ..Workspace::default()
        };
        let findings = check(&Project::of(&workspace, files));
        findings
            .into_iter()
            .map(|finding| finding.to_string())
            .collect()
    }

    #[test]
    fn a_complete_package_passes() {
        let manifest = format!(
            "[package]\npublish.workspace = true\nkeywords = []\ncategories = []\n\n{DOCS_RS}"
        );
        let files = [
            ("LICENSE", "free\n"),
            ("crates/core/LICENSE", "free\n"),
            ("crates/core/Cargo.toml", manifest.as_str()),
            ("crates/core/src/lib.rs", DOC_CFG),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn everything_that_is_missing_is_reported() {
        let files = [
            ("LICENSE", "free\n"),
            ("crates/core/LICENSE", "not free\n"),
            ("crates/core/Cargo.toml", "[package]\n"),
            ("crates/core/src/lib.rs", "mod a;\n"),
            ("crates/core/README.md", "# core\n[a](../b.md), [c](c.md)\n"),
        ];
        let found = found(&files);
        assert_eq!(found.len(), 7, "{found:#?}");
        assert_eq!(
            found[0],
            "crates/core/LICENSE: not a copy of the project's licence"
        );
    }
}
