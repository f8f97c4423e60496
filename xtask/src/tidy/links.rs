//! Links in Markdown lead somewhere: a relative one to a file of the project, one with `#` to a heading.
//!
//! Links to the web are not checked, and rustdoc checks links to Rust items.

use super::project::{Finding, Project, SourceFile};
use super::slug;

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in project.with_extension(&["md"]) {
        for (number, target) in targets(&file.text) {
            if let Some(message) = broken(project, file, &target) {
                findings.push(file.finding_at(number, message));
            }
        }
    }
    findings
}

/// Returns what is wrong with a link in `file`.
fn broken(project: &Project<'_>, file: &SourceFile, target: &str) -> Option<String> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let outside = target.contains("://") || target.starts_with("mailto:");
    let rust_item = target.contains("::") || is_item_name(target);
    if outside || rust_item {
        return None;
    }
    let page = if path.is_empty() {
        Some(file)
    } else {
        let Some(path) = resolve(&file.path, &path.replace("%20", " ")) else {
            return Some(format!("the link '{target}' leads out of the project"));
        };
        if !path.is_empty() && !project.paths.contains(&path) {
            return Some(format!(
                "the link '{target}' leads to nothing: there is no {path}"
            ));
        }
        project
            .file(&path)
            .filter(|page| page.path.ends_with(".md"))
    };
    let missing = !anchor.is_empty()
        && page.is_some_and(|page| !slug::anchors(&page.text).iter().any(|a| a == anchor));
    missing.then(|| format!("the link '{target}' leads to no heading"))
}

/// Returns whether a target is the bare name of a Rust item, as in `[text](VirtualPath)`.
fn is_item_name(target: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '!' | '(' | ')' | '@');
    target.starts_with(|c: char| c.is_ascii_uppercase())
        && target.chars().all(word)
        && target != "LICENSE"
}

/// Resolves a relative link in the file `from`; `None` if it leads out of the project.
fn resolve(from: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = if link.starts_with('/') {
        Vec::new()
    } else {
        from.rsplit_once('/')
            .map(|(folder, _)| folder.split('/').collect())
            .unwrap_or_default()
    };
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Returns where the links of a page lead to, with the numbers of their lines.
fn targets(markdown: &str) -> Vec<(usize, String)> {
    let mut targets = Vec::new();
    for (number, line) in (1..).zip(prose(markdown)) {
        let line = without_code(line);
        let definition = line
            .trim_start()
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "));
        if let Some((_, target)) = definition {
            targets.push((number, first_word(target)));
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let rest = line.get(at + 2..).unwrap_or_default();
            targets.push((number, first_word(inside(rest))));
        }
    }
    targets
}

/// Returns what is before the `)` that closes a link; a target may have pairs of its own.
fn inside(rest: &str) -> &str {
    let mut depth = 0;
    for (at, c) in rest.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return rest.get(..at).unwrap_or_default(),
            ')' => depth -= 1,
            _ => {}
        }
    }
    rest
}

/// Returns a target without the title that may follow it, and without the `<>` that may surround it.
fn first_word(target: &str) -> String {
    let target = target.trim();
    let bare = match target.strip_prefix('<') {
        Some(rest) => rest.split('>').next(),
        None => target.split_whitespace().next(),
    };
    bare.unwrap_or_default().to_owned()
}

/// Returns the lines of a page, with those in code blocks replaced by empty lines.
pub(super) fn prose(markdown: &str) -> impl Iterator<Item = &str> {
    let mut fence: Option<&str> = None;
    markdown.lines().map(move |line| {
        let text = line.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| text.starts_with(mark));
        match (fence, mark) {
            (None, None) => line,
            (None, Some(_)) => {
                fence = mark;
                ""
            }
            (Some(open), _) => {
                if mark == Some(open) {
                    fence = None;
                }
                ""
            }
        }
    })
}

/// Removes `code` from a line, but not the brackets around it.
fn without_code(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    let outside = parts.iter().enumerate().filter(|(index, _)| index % 2 == 0);
    // A single backtick opens nothing.
    if parts.len().is_multiple_of(2) {
        return line.to_owned();
    }
    outside.map(|(_, part)| *part).collect()
}

#[cfg(test)]
mod tests {
    use super::{Project, check};
    use crate::workspace::Workspace;

    #[track_caller]
    fn found(page: &str) -> Vec<String> {
        let workspace = Workspace::default();
        let files = [
            ("LICENSE", ""),
            ("README.md", "# Top\n"),
            ("docs/a b.md", ""),
            ("docs/page.md", page),
        ];
        let findings = check(&Project::of(&workspace, &files));
        findings
            .into_iter()
            .map(|finding| finding.to_string())
            .collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let page = "# One\n\n[a](../README.md#top) [b](#one) ![c](<a b.md> \"title\") [d](https://x.org/y(z))\n\
                    [`e`](../LICENSE) [f](/docs) [g](crate::Backend) [h](VirtualPath) [i](a%20b.md)\n\n[j]: ../README.md\n";
        assert_eq!(found(page), Vec::<String>::new());
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        assert_eq!(
            found("[a](b.md)\n"),
            ["docs/page.md:1: the link 'b.md' leads to nothing: there is no docs/b.md"]
        );
        assert_eq!(
            found("\n[a](#two)\n"),
            ["docs/page.md:2: the link '#two' leads to no heading"]
        );
        assert_eq!(found("[a](../README.md#b)\n").len(), 1);
        assert_eq!(
            found("[a](../../x)\n"),
            ["docs/page.md:1: the link '../../x' leads out of the project"]
        );
        assert_eq!(found("[a]: gone.md\n").len(), 1);
    }

    #[test]
    fn code_has_no_links() {
        assert!(found("```\n[a](b.md)\n```\n`[a](b.md)` and `x[0](y)`\n").is_empty());
    }
}
