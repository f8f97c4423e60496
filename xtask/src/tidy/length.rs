//! Rust files are short enough to be read in one sitting; tests may be longer.

use super::project::{Finding, Project};

const LINES: usize = 500;
const TEST_LINES: usize = 700;

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    project
        .with_extension(&["rs"])
        .filter_map(|file| {
            let (lines, limit) = (file.text.lines().count(), limit(&file.path));
            (lines > limit).then(|| file.finding(format!("{lines} lines, the limit is {limit}")))
        })
        .collect()
}

fn limit(path: &str) -> usize {
    let test = path.ends_with("/tests.rs") || path.contains("/tests/");
    if test { TEST_LINES } else { LINES }
}

#[cfg(test)]
mod tests {
    use super::{Project, check};
    use crate::workspace::Workspace;

    #[test]
    fn tests_may_be_longer_than_other_files() {
        let workspace = Workspace::default();
        let (long, longer) = ("x\n".repeat(501), "x\n".repeat(701));
        let project = Project::of(
            &workspace,
            &[
                ("a/src/fits.rs", &"x\n".repeat(500)),
                ("a/src/long.rs", &long),
                ("a/src/long/tests.rs", &long),
                ("a/tests/it/long.rs", &long),
                ("a/tests/it/longer.rs", &longer),
                ("a/long.md", &longer),
            ],
        );
        let paths: Vec<_> = check(&project)
            .into_iter()
            .map(|finding| finding.path)
            .collect();
        assert_eq!(paths, ["a/src/long.rs", "a/tests/it/longer.rs"]);
    }
}
