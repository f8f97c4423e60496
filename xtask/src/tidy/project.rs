//! The input of a rule, the text files of the project and its packages, and its output.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use crate::Result;
use crate::shell::Cmd;
use crate::workspace::Workspace;

/// Folders whose files are not meant for readers.
const DATA: &[&str] = &["xtask/fuzz/regressions/", "xtask/fuzz/seeds/"];

/// The project as it is in the working tree.
#[derive(Debug)]
pub(super) struct Project<'a> {
    pub(super) workspace: &'a Workspace,
    /// The text files, in the order of their paths.
    pub(super) files: Vec<SourceFile>,
    /// Every file and directory, binary ones too, relative to the root.
    pub(super) paths: BTreeSet<String>,
}

/// A text file.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// Relative to the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

/// A violation of a rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) path: String,
    pub(super) line: Option<usize>,
    pub(super) message: String,
}

impl<'a> Project<'a> {
    /// Reads the files that git tracks or would track; without git, those that a walk finds.
    pub(super) fn load(workspace: &'a Workspace) -> Result<Self> {
        let root = &workspace.root;
        let list = [
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ];
        let names: Vec<String> = match Cmd::new("git").args(&list).dir(root).output() {
            Ok(names) => names.split_terminator('\0').map(str::to_owned).collect(),
            Err(_) => walk(root)?,
        };
        let mut project = Self {
            workspace,
            files: Vec::new(),
            paths: BTreeSet::new(),
        };
        for path in names.into_iter().collect::<BTreeSet<_>>() {
            // An input of a fuzz target is data, even if it happens to be text.
            if DATA.iter().any(|folder| path.starts_with(folder)) {
                project.add_path(&path);
                continue;
            }
            // A tracked file may have been deleted, and a binary one has no text.
            let Ok(bytes) = fs::read(root.join(&path)) else {
                continue;
            };
            match String::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => project.add(path, text),
                _ => project.add_path(&path),
            }
        }
        Ok(project)
    }

    fn add(&mut self, path: String, text: String) {
        self.add_path(&path);
        self.files.push(SourceFile { path, text });
    }

    fn add_path(&mut self, path: &str) {
        let directories = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        self.paths.extend(directories.map(str::to_owned));
        self.paths.insert(path.to_owned());
    }

    pub(super) fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Returns the files with one of these extensions.
    pub(super) fn with_extension(&self, extensions: &[&str]) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(move |file| {
            let name = file.path.rsplit('/').next().unwrap_or_default();
            name.rsplit_once('.')
                .is_some_and(|(_, extension)| extensions.contains(&extension))
        })
    }

    #[cfg(test)]
    pub(super) fn of<'w>(workspace: &'w Workspace, files: &[(&str, &str)]) -> Project<'w> {
        let mut project = Project {
            workspace,
            files: Vec::new(),
            paths: BTreeSet::new(),
        };
        for (path, text) in files {
            project.add((*path).to_owned(), (*text).to_owned());
        }
        project
    }
}

impl SourceFile {
    /// Returns the lines with their numbers, from 1.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// Makes a finding about the whole file.
    pub(super) fn finding(&self, message: impl Into<String>) -> Finding {
        Finding::new(&self.path, message)
    }

    /// Makes a finding about a line.
    pub(super) fn finding_at(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding {
            line: Some(line),
            ..self.finding(message)
        }
    }
}

impl Finding {
    pub(super) fn new(path: &str, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: None,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.message),
            None => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

/// Lists the files below the root as git would, except that it only knows the ignore rules of the root's
/// `.gitignore` that name one path, such as `/target`.
fn walk(root: &Path) -> Result<Vec<String>> {
    let ignore = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    let ignored: BTreeSet<&str> = ignore
        .lines()
        .filter_map(|line| line.strip_prefix('/'))
        .collect();
    let (mut files, mut directories) = (Vec::new(), vec![String::new()]);
    while let Some(directory) = directories.pop() {
        let entries =
            fs::read_dir(root.join(&directory)).map_err(|e| format!("{directory}: {e}"))?;
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let path = if directory.is_empty() {
                name
            } else {
                format!("{directory}/{name}")
            };
            if path == ".git" || ignored.contains(path.as_str()) {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => directories.push(path),
                Ok(kind) if kind.is_file() => files.push(path),
                _ => {}
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::{Project, Workspace, walk};

    #[test]
    fn directories_are_derived_from_the_files_in_them() {
        let workspace = Workspace::default();
        let project = Project::of(&workspace, &[("docs/adr/0001-a.md", "")]);
        assert!(project.paths.contains("docs") && project.paths.contains("docs/adr"));
        assert_eq!(project.with_extension(&["md"]).count(), 1);
        assert_eq!(project.with_extension(&["rs"]).count(), 0);
    }

    #[test]
    fn a_walk_skips_what_the_root_ignores() {
        let root = std::env::temp_dir().join(format!("xtask-walk-{}", std::process::id()));
        std::fs::create_dir_all(root.join("target/debug")).unwrap();
        std::fs::create_dir_all(root.join("src")).unwrap();
        for (path, text) in [
            (".gitignore", "/target\n"),
            ("target/debug/x", ""),
            ("src/a.rs", ""),
        ] {
            std::fs::write(root.join(path), text).unwrap();
        }
        let mut found = walk(&root).unwrap();
        found.sort();
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(found, [".gitignore", "src/a.rs"]);
    }
}
