//! A comment fits beside its code: no line of one is wider than 130 columns, which rustfmt does not see to.

use super::project::{Finding, Project};

const COLUMNS: usize = 130;

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in project.with_extension(&["rs"]) {
        for (number, line) in file.numbered() {
            let columns = line.chars().count();
            let comment = line.trim_start().starts_with("//");
            // A link and a row of a table cannot be wrapped.
            let whole = line.contains("://") || line.contains("/// |");
            if columns > COLUMNS && comment && !whole {
                let message = format!("a comment of {columns} columns, the limit is {COLUMNS}");
                findings.push(file.finding_at(number, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{Project, check};
    use crate::workspace::Workspace;

    #[test]
    fn wide_comments_are_found_but_not_code_links_and_tables() {
        let workspace = Workspace::default();
        let wide = "x".repeat(130);
        let text = format!(
            "    // {wide}\n// https://{wide}\nlet a = \"{wide}\";\n/// | {wide} |\n// {}\n",
            &wide[3..]
        );
        let findings = check(&Project::of(&workspace, &[("a.rs", &text)]));
        let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["a.rs:1: a comment of 137 columns, the limit is 130"]
        );
    }
}
