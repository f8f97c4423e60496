//! The peers, fetched below `target`: nothing is installed on the machine, and root is not needed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::shell::Cmd;

/// The version of the original that is measured, with what it needs for Docker.
const ORIGINAL: &str = "pydantic-ai-backend[docker]==0.0.4";

/// Returns a program of a Debian package, which is fetched and unpacked if it is missing. A quick run uses only a program
/// that is already there.
pub(super) fn debian(dir: &Path, package: &str, program: &str, quick: bool) -> Result<PathBuf> {
    let unpacked = dir.join("debian");
    let path = unpacked.join(program);
    if path.is_file() {
        return Ok(path);
    }
    if quick {
        return installed(program);
    }
    fetch(&unpacked, package)?;
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("Debian's {package} has no {program}"))
    }
}

/// Returns Debian's source tree of Linux.
pub(super) fn linux(dir: &Path) -> Result<PathBuf> {
    let tree = dir.join("linux");
    let ready = dir.join("linux.ready");
    if ready.is_file() {
        return Ok(tree);
    }
    // The package of that name depends on the one of the current version.
    let depends = Cmd::new("apt-cache")
        .args(&["depends", "linux-source"])
        .output()?;
    let package = depends
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "))
        .ok_or("no package linux-source is known")?;
    let unpacked = dir.join("debian");
    fetch(&unpacked, package)?;
    fs::create_dir_all(&tree).map_err(|e| format!("{}: {e}", tree.display()))?;
    let archive = unpacked.join(format!("usr/src/{package}.tar.xz"));
    Cmd::new("tar")
        .args(&["--extract", "--strip-components=1", "--file"])
        .args(&[&archive.to_string_lossy(), "--directory"])
        .arg(&tree.to_string_lossy())
        .run()?;
    // Debian's `.gitignore` ignores all files except its own, but those are the files to search.
    let rules = tree.join(".gitignore");
    let text = fs::read_to_string(&rules).map_err(|e| format!("{}: {e}", rules.display()))?;
    let upstream: String = text
        .lines()
        .filter(|line| !matches!(*line, "/*" | "!/debian/"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(&rules, upstream).map_err(|e| format!("{}: {e}", rules.display()))?;
    // fd reads .gitignore files only in a repository.
    fs::create_dir_all(tree.join(".git")).map_err(|e| format!("{}: {e}", tree.display()))?;
    fs::write(&ready, package).map_err(|e| format!("{}: {e}", ready.display()))?;
    Ok(tree)
}

/// Installs the original below `dir`, if it is missing, and returns the Python that has it.
pub(super) fn original(dir: &Path) -> Result<PathBuf> {
    let venv = dir.join("venv");
    let python = venv.join("bin/python3");
    let (ready, which) = (venv.join("installed"), ORIGINAL.as_bytes());
    if fs::read(&ready).is_ok_and(|installed| installed == which) && python.is_file() {
        return Ok(python);
    }
    Cmd::new("python3")
        .args(&["-m", "venv", "--clear", &venv.to_string_lossy()])
        .output()?;
    Cmd::new(&python.to_string_lossy())
        .args(&["-m", "pip", "install", "--quiet"])
        .args(&["--disable-pip-version-check", ORIGINAL])
        .output()?;
    fs::write(&ready, which).map_err(|e| format!("{}: {e}", ready.display()))?;
    Ok(python)
}

/// Fetches a package and unpacks it.
fn fetch(into: &Path, package: &str) -> Result<()> {
    fs::create_dir_all(into).map_err(|e| format!("{}: {e}", into.display()))?;
    Cmd::new("apt-get")
        .args(&["download", package])
        .dir(into)
        .run()?;
    let files = fs::read_dir(into).map_err(|e| format!("{}: {e}", into.display()))?;
    let archive = files.flatten().map(|entry| entry.path()).find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&format!("{package}_")) && name.ends_with(".deb")
    });
    let archive = archive.ok_or_else(|| format!("{package} was not fetched"))?;
    Cmd::new("dpkg")
        .args(&["-x", &archive.to_string_lossy(), &into.to_string_lossy()])
        .run()?;
    fs::remove_file(&archive).map_err(|e| format!("{}: {e}", archive.display()))
}

/// Returns a program by its name in a package, if this machine has it.
fn installed(program: &str) -> Result<PathBuf> {
    let name = Path::new(program).file_name().unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| format!("{} is not installed", name.to_string_lossy()))
}
