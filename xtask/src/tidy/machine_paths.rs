//! No file names a directory of the machine on which it was written.

use super::project::{Finding, Project};

/// Where people and build machines keep their checkouts. In parts, because otherwise this file would break its own rule.
const ROOTS: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
];

/// Lines that may contain such a path, as it is not of a real machine: the end of the file's path, and a text of the line.
const ALLOWED: &[(&str, &str)] = &[
    // The test that no host path reaches a message needs one.
    ("backend-core/src/error/tests.rs", "operator/secret"),
    // Paths in a workspace, which only look like those of a machine.
    ("backend-composite/tests/it/sandbox.rs", "work/"),
    ("backend-fs/tests/it/links.rs", "root/absolute-dir"),
    // A user's home in a container.
    ("sandbox-docker/src/work_dir_owner.rs", "me/node"),
    ("sandbox-docker/src/settings.rs", "me/agent"),
    ("sandbox-docker/src/settings/tests.rs", "me/agent"),
    ("sandbox-docker/tests/it/escape.rs", "me/agent"),
    ("sandbox-docker/tests/it/floods.rs", "me/agent"),
    ("docs/docker.md", "me/agent"),
];

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    check_with(project, ALLOWED)
}

fn check_with(project: &Project<'_>, allowed: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &project.files {
        for (number, line) in file.numbered() {
            let Some(root) = ROOTS.iter().find(|root| starts_a_path(line, root)) else {
                continue;
            };
            if !allowed
                .iter()
                .any(|(end, text)| file.path.ends_with(end) && line.contains(text))
            {
                findings
                    .push(file.finding_at(number, format!("a path of some machine, below {root}")));
            }
        }
    }
    findings
}

/// Returns whether `root` is in the line, but not in the middle of a longer path.
fn starts_a_path(line: &str, root: &str) -> bool {
    line.match_indices(root).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '*' | '}' | '/'))
    })
}

#[cfg(test)]
mod tests {
    use super::{Project, ROOTS, check, check_with};
    use crate::workspace::Workspace;

    #[test]
    fn an_absolute_path_is_found_and_a_longer_one_is_not() {
        let workspace = Workspace::default();
        for root in ROOTS {
            let bad = format!("see {root}me/x.rs\n");
            assert_eq!(
                check(&Project::of(&workspace, &[("a.md", &bad)])).len(),
                1,
                "{root}"
            );
            let good = format!("mnt{root}me and ..{root}me and https://x.org{root}me\n");
            assert_eq!(
                check(&Project::of(&workspace, &[("a.md", &good)])).len(),
                0,
                "{root}"
            );
        }
    }

    #[test]
    fn the_list_of_exceptions_is_by_file_and_text() {
        let workspace = Workspace::default();
        let line = format!("cd {}agent\n", ROOTS.first().unwrap());
        let project = Project::of(&workspace, &[("a/b.rs", &line), ("a/c.rs", &line)]);
        let findings = check_with(&project, &[("b.rs", "agent"), ("c.rs", "other")]);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].path, "a/c.rs");
    }
}
