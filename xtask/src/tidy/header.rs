//! Every Rust file begins with its purpose. The documentation of a crate may be its README.

use super::project::{Finding, Project};

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    project
        .with_extension(&["rs"])
        .filter(|file| {
            let crate_root = file.path.ends_with("/lib.rs");
            let readme = crate_root && file.text.starts_with("#![doc = include_str!");
            !readme && !file.text.starts_with("//! ")
        })
        .map(|file| file.finding_at(1, "a file starts with '//!' and what it is for"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Project, check};
    use crate::workspace::Workspace;

    #[test]
    fn only_a_crate_may_be_documented_by_a_readme() {
        let workspace = Workspace::default();
        let readme = "#![doc = include_str!(\"../README.md\")]\n";
        let project = Project::of(
            &workspace,
            &[
                ("a/build.rs", "fn main() {}\n"),
                ("a/src/file.rs", readme),
                ("a/src/good.rs", "//! Good.\n"),
                ("a/src/lib.rs", readme),
                ("a/src/outer.rs", "/// Not about the file.\nstruct A;\n"),
            ],
        );
        let paths: Vec<_> = check(&project)
            .into_iter()
            .map(|finding| finding.path)
            .collect();
        assert_eq!(paths, ["a/build.rs", "a/src/file.rs", "a/src/outer.rs"]);
    }
}
