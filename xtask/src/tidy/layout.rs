//! Files are where readers expect them: a module's file is named like the module, a crate has one integration test
//! binary, and `lib.rs` is a table of contents.

use super::project::{Finding, Project};

const LIB_LINES: usize = 120;

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in project.with_extension(&["rs"]) {
        let path = file.path.as_str();
        if path.ends_with("/mod.rs") {
            findings.push(file.finding("a module `foo` is in foo.rs, not in foo/mod.rs"));
        }
        if path.ends_with("/src/lib.rs") && file.text.lines().count() > LIB_LINES {
            findings
                .push(file.finding(format!("over {LIB_LINES} lines; it is a table of contents")));
        }
        let test = path
            .strip_prefix("crates/")
            .and_then(|rest| rest.split_once("/tests/"));
        // Each file right in `tests`, and each directory there with a main.rs, is a binary to link and to start.
        let binary = test.is_some_and(|(krate, rest)| {
            let of_the_crate = !krate.contains('/');
            let root = !rest.contains('/') || rest.ends_with("/main.rs");
            of_the_crate && root && rest != "it/main.rs"
        });
        if binary {
            findings.push(file.finding("integration tests are modules of tests/it/main.rs"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{Project, check};
    use crate::workspace::Workspace;

    #[test]
    fn files_out_of_place_are_found() {
        let workspace = Workspace::default();
        let project = Project::of(
            &workspace,
            &[
                ("crates/a/src/lib.rs", &"x\n".repeat(121)),
                ("crates/a/src/text/mod.rs", ""),
                ("crates/a/src/text/tests/main.rs", ""),
                ("crates/a/tests/alone.rs", ""),
                ("crates/a/tests/it/escape.rs", ""),
                ("crates/a/tests/it/main.rs", ""),
                ("crates/a/tests/other/main.rs", ""),
            ],
        );
        let paths: Vec<_> = check(&project)
            .into_iter()
            .map(|finding| finding.path)
            .collect();
        assert_eq!(
            paths,
            [
                "crates/a/src/lib.rs",
                "crates/a/src/text/mod.rs",
                "crates/a/tests/alone.rs",
                "crates/a/tests/other/main.rs",
            ]
        );
    }
}
