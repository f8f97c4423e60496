//! The step that does what the README tells a newcomer: a program outside the workspace, made of the first example and the
//! dependencies that the README names for it, which builds and prints what the example promises.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Outcome, Run};
use crate::Result;
use crate::shell::Cmd;

/// What the program prints, each on a line of its own: a numbered line of its manifest, a search, a diff.
const PRINTED: [&str; 3] = ["[package]", " hits", "+- [x] read the code"];

pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome> {
    if !run.all {
        return Ok(Outcome::Skipped(
            "it builds once more: --all runs it".to_owned(),
        ));
    }
    let root = &run.workspace.root;
    let readme =
        fs::read_to_string(root.join("README.md")).map_err(|e| format!("README.md: {e}"))?;
    let (program, manifest) = parts(&readme, root)?;
    // Outside, where this workspace's settings and lock file are not found.
    let dir = Scratch::new()?;
    dir.write("src/main.rs", &program)?;
    dir.write("Cargo.toml", &manifest)?;
    let printed = Cmd::cargo(&["run", "--quiet", "--target-dir"])
        .arg(&run.workspace.target.join("newcomer").to_string_lossy())
        .dir(&dir.0)
        .output()?;
    match PRINTED.iter().find(|part| !printed.contains(**part)) {
        Some(missing) => Err(format!(
            "the README's program did not print '{missing}':\n{printed}"
        )),
        None => Ok(Outcome::passed()),
    }
}

/// Takes the program and its manifest out of the README. The repository is this checkout.
fn parts(readme: &str, root: &Path) -> Result<(String, String)> {
    let program = blocks(readme, "rust")
        .next()
        .ok_or("the README has no example")?;
    let commands = blocks(readme, "sh").find(|block| block.contains("cargo add"));
    let commands = commands.ok_or("the README does not say which crates its example needs")?;
    let mut manifest =
        "[package]\nname = \"newcomer\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n".to_owned();
    for line in commands.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["cargo", "add", "--git", _url, crates @ ..] => {
                for name in crates {
                    let path = root.join("crates").join(name);
                    manifest += &format!("{name} = {{ path = {path:?} }}\n");
                }
            }
            ["cargo", "add", name, "--features", features] => {
                let features: Vec<&str> = features.split(',').collect();
                manifest += &format!("{name} = {{ version = \"*\", features = {features:?} }}\n");
            }
            _ => {
                return Err(format!(
                    "the README has a command that is not understood here: {line}"
                ));
            }
        }
    }
    Ok((program.to_owned(), manifest))
}

/// Returns the code blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let fence = format!("```{language}\n");
    text.match_indices(&fence)
        .filter_map(|(at, found)| text.get(at + found.len()..)?.split("\n```").next())
        .collect::<Vec<_>>()
        .into_iter()
}

/// A directory that is removed afterwards.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let dir =
            std::env::temp_dir().join(format!("agent-backends-newcomer-{}", std::process::id()));
        fs::create_dir_all(dir.join("src")).map_err(|e| format!("{}: {e}", dir.display()))?;
        Ok(Self(dir))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        fs::write(self.0.join(name), text).map_err(|e| format!("{name}: {e}"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It is below the directory for temporary files anyway.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{blocks, parts};

    const README: &str = "# x\n\n```rust\nfn main() {}\n```\n\n```sh\ncargo test\n```\n\n```sh\n\
        cargo add --git https://example.org/x a b\ncargo add tokio --features macros,rt\n```\n";

    #[test]
    fn a_program_and_its_manifest_are_found() {
        let (program, manifest) = parts(README, Path::new("/w")).unwrap();
        assert_eq!(program, "fn main() {}");
        let (_, dependencies) = manifest.split_once("[dependencies]\n").unwrap();
        let want = "a = { path = \"/w/crates/a\" }\nb = { path = \"/w/crates/b\" }\n\
            tokio = { version = \"*\", features = [\"macros\", \"rt\"] }\n";
        assert_eq!(dependencies, want);
    }

    #[test]
    fn a_readme_without_an_example_or_its_crates_is_an_error() {
        assert!(parts("# x\n", Path::new("/w")).is_err());
        assert!(parts("```rust\nfn main() {}\n```\n", Path::new("/w")).is_err());
        let unknown = README.replace("cargo add tokio", "cargo install tokio");
        assert!(parts(&unknown, Path::new("/w")).is_err());
    }

    #[test]
    fn blocks_of_another_language_are_left_out() {
        assert_eq!(blocks(README, "sh").count(), 2);
        assert_eq!(blocks(README, "toml").count(), 0);
    }
}
