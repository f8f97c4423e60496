//! Which arguments each package manager takes for a package name and nothing else.
//!
//! A manager accepts more than names: files, directories, archives, addresses, repositories, patterns, tasks, and packages
//! to remove. Each of them would install something other than what was reviewed, or something that was never requested. A
//! name must therefore match the manager's own grammar, optionally followed by a version.

use super::PackageManager;

/// File extensions that make `pip`, `uv` and `npm` take a name for a file, in any case.
const ARCHIVES: [&str; 17] = [
    ".7z", ".bz2", ".egg", ".gz", ".lz", ".lzma", ".rar", ".tar", ".tbz", ".tbz2", ".tgz", ".tlz",
    ".txz", ".whl", ".xz", ".zip", ".zst",
];

const A_FILE: &str = "it would be taken for a file; it must be a package name";

/// Returns why a text is not a package name for this manager.
pub(super) fn check(manager: PackageManager, text: &str) -> Result<(), &'static str> {
    match manager {
        PackageManager::Pip | PackageManager::Uv => python(text),
        PackageManager::Npm => npm(text),
        PackageManager::Apt => apt(text),
        PackageManager::Cargo => cargo(text),
    }
}

/// `name[extra,extra]==1.*,!=1.5`, as in PEP 508.
fn python(text: &str) -> Result<(), &'static str> {
    not_an_archive(text)?;
    let end = text.find(['[', '<', '>', '=', '!', '~']);
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    is_name(name, "._-")?;
    let versions = match rest.strip_prefix('[') {
        Some(rest) => {
            let (extras, rest) = rest
                .split_once(']')
                .ok_or("the list of extras is not closed")?;
            // If a file with the name before the extras exists, it is used.
            not_an_archive(name)?;
            extras
                .split(',')
                .try_for_each(|extra| is_name(extra, "._-"))?;
            rest
        }
        None => rest,
    };
    if versions.is_empty() {
        return Ok(());
    }
    versions.split(',').try_for_each(|clause| {
        let operators = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"];
        let version = operators
            .iter()
            .find_map(|operator| clause.strip_prefix(operator))
            .ok_or("a version must follow one of ==, !=, >=, <=, >, <, ~=, ===")?;
        is_version(version, ".*+!_-")
    })
}

/// `@scope/name@^1.2`: a registry name, and a version, a range without spaces or a tag.
fn npm(text: &str) -> Result<(), &'static str> {
    not_an_archive(text)?;
    if is_tar_of_npm(text) {
        return Err(A_FILE);
    }
    let (scope, rest) = match text.strip_prefix('@') {
        Some(scoped) => {
            let (scope, rest) = scoped
                .split_once('/')
                .ok_or("a scope must be followed by a package, as in @scope/name")?;
            (Some(scope), rest)
        }
        None => (None, text),
    };
    if let Some(scope) = scope {
        is_name(scope, "._-")?;
    }
    let (name, version) = match rest.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (rest, None),
    };
    if name.contains('/') || version.is_some_and(|version| version.contains('/')) {
        return Err("it would be taken for a repository or a directory");
    }
    is_name(name, "._-")?;
    match version {
        Some(version) => {
            let range = version.trim_start_matches(['^', '~', '<', '>', '=']);
            is_version(range, ".*+_-")
        }
        None => Ok(()),
    }
}

/// `name:architecture=version`, as in Debian's policy.
fn apt(text: &str) -> Result<(), &'static str> {
    let (package, version) = match text.split_once('=') {
        Some((package, version)) => (package, Some(version)),
        None => (text, None),
    };
    let (name, architecture) = match package.split_once(':') {
        Some((name, architecture)) => (name, Some(architecture)),
        None => (package, None),
    };
    if text.ends_with('-') {
        return Err("apt would remove the package before the '-'");
    }
    // `g++` is a package; `git+` is an instruction to install one.
    let base = name.strip_suffix("++").unwrap_or(name);
    if base.ends_with('+') || (text.ends_with('+') && version.is_some()) {
        return Err("apt would take the trailing '+' for an instruction");
    }
    let odd = "apt would take it for a pattern; a name has only letters, digits, '+', '-' and '.'";
    let known = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let first = base.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !first || !base.chars().all(known) {
        return Err(odd);
    }
    // In a name a dot stands between two literal characters: `python3.11`, but not `a.+`.
    let plain = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let mut parts = base.split('.').peekable();
    while let Some(part) = parts.next() {
        let follows = parts
            .peek()
            .is_none_or(|next| plain(part.chars().next_back()) && plain(next.chars().next()));
        if !follows {
            return Err(odd);
        }
    }
    if let Some(architecture) = architecture {
        is_name(architecture, "-")?;
    }
    match version {
        Some(version) => is_version(version, ".+:~-"),
        None => Ok(()),
    }
}

/// `name@1.2.3`.
fn cargo(text: &str) -> Result<(), &'static str> {
    let (name, version) = match text.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (text, None),
    };
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err("the name of a crate starts with a letter");
    }
    is_name(name, "_-")?;
    match version {
        Some(version) => is_version(version, ".+-"),
        None => Ok(()),
    }
}

/// Checks a name: it starts and ends with a letter or digit, with some other characters between.
fn is_name(name: &str, between: &str) -> Result<(), &'static str> {
    let end = |c: char| c.is_ascii_alphanumeric();
    if !name.starts_with(end) || !name.ends_with(end) {
        return Err("a name starts and ends with a letter or digit");
    }
    if name.contains("..") {
        return Err("it must be a package name, not a file");
    }
    let known = |c: char| c.is_ascii_alphanumeric() || between.contains(c);
    if name.chars().all(known) {
        Ok(())
    } else {
        Err("it must be a package name, not a file, a repository or a pattern")
    }
}

/// Checks a version: it starts with a letter or digit, or is `*`.
fn is_version(version: &str, others: &str) -> Result<(), &'static str> {
    let known = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    let first = |c: char| c.is_ascii_alphanumeric() || (c == '*' && others.contains('*'));
    if version.starts_with(first) && version.chars().all(known) && !version.contains("..") {
        Ok(())
    } else {
        Err("what follows the name must be a version")
    }
}

fn not_an_archive(text: &str) -> Result<(), &'static str> {
    let lower = text.to_ascii_lowercase();
    if ARCHIVES.iter().any(|end| lower.ends_with(end)) {
        return Err(A_FILE);
    }
    Ok(())
}

/// Returns whether npm takes a name for a compressed tar file: `.tar`, any character, and `gz`, because the dot of its own
/// pattern `tar.gz` stands for any.
fn is_tar_of_npm(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut before = lower.strip_suffix("gz").unwrap_or_default().chars();
    before.next_back().is_some() && before.as_str().ends_with(".tar")
}

#[cfg(test)]
mod tests;
