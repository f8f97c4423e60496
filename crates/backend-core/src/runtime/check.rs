//! What the fields of a runtime may contain.
//!
//! Packages reach their manager as arguments, never through a shell. This rejects arguments that a manager would take for
//! something other than a package: an option, a URL, a file.

use crate::runtime::{PackageManager, RuntimeImage, package};
use crate::{Error, Result, RuntimeConfig, check_environment};

/// The longest text of any field except setup lines and values, in bytes.
const MAX_BYTES: usize = 255;

pub(super) fn runtime(runtime: &RuntimeConfig) -> Result<()> {
    let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    field("name", &runtime.name, named)?;
    if runtime.name.len() > 64 || runtime.name.starts_with(['.', '_']) {
        return refuse(
            "name",
            &runtime.name,
            "use 1 to 64 characters, a letter or digit first",
        );
    }
    match &runtime.image {
        RuntimeImage::Ready(name) => {
            image(name)?;
            if !runtime.packages.is_empty() || !runtime.setup.is_empty() {
                return Err(Error::invalid_request(
                    "packages and setup need a base image to build on; an image is used as is",
                ));
            }
        }
        RuntimeImage::BuiltOn(name) => image(name)?,
    }
    for set in &runtime.packages {
        set.names
            .iter()
            .try_for_each(|name| name_of_package(set.manager, name))?;
    }
    for line in &runtime.setup {
        if line.trim().is_empty() || line.contains('\0') {
            return refuse("setup line", line, "it must be a shell command");
        }
    }
    for (name, value) in &runtime.env {
        variable(name, value)?;
    }
    check_environment(&runtime.env)?;
    if runtime.work_dir.is_root() {
        return refuse("work_dir", "/", "it cannot be the root");
    }
    runtime.user.as_deref().map_or(Ok(()), user)
}

fn image(name: &str) -> Result<()> {
    field("image", name, |c| {
        c.is_ascii_alphanumeric() || "._-/:@".contains(c)
    })
}

fn name_of_package(manager: PackageManager, name: &str) -> Result<()> {
    let extra = match manager {
        PackageManager::Pip | PackageManager::Uv => "._-[],<>=!~*+",
        PackageManager::Npm => "._-@/^~<>=*+",
        PackageManager::Apt => "+.-=:~",
        PackageManager::Cargo => "_-@.+",
    };
    field("package", name, |c| {
        c.is_ascii_alphanumeric() || extra.contains(c)
    })?;
    match package::check(manager, name) {
        Ok(()) => Ok(()),
        Err(reason) => refuse("package", name, reason),
    }
}

fn variable(name: &str, value: &str) -> Result<()> {
    field("variable", name, |c| c.is_ascii_alphanumeric() || c == '_')?;
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return refuse("variable", name, "it cannot start with a digit");
    }
    if value.contains('\0') {
        return refuse("variable", name, "its value contains a NUL");
    }
    Ok(())
}

fn user(user: &str) -> Result<()> {
    field("user", user, |c| {
        c.is_ascii_alphanumeric() || "_-.:".contains(c)
    })?;
    let parts: Vec<_> = user.split(':').collect();
    if parts.len() > 2 || parts.iter().any(|part| part.is_empty()) {
        return refuse("user", user, "use a name, a number, or 'number:number'");
    }
    Ok(())
}

/// Checks what every short field must satisfy: not empty, not too long, not an option, only allowed characters.
fn field(what: &str, text: &str, allowed: impl Fn(char) -> bool) -> Result<()> {
    if text.is_empty() {
        return refuse(what, text, "it is empty");
    }
    if text.len() > MAX_BYTES {
        return refuse(what, text, "it is longer than 255 bytes");
    }
    if text.starts_with('-') {
        return refuse(what, text, "it would be taken for an option");
    }
    match text.chars().find(|&c| !allowed(c)) {
        Some(c) => refuse(
            what,
            text,
            &format!("it cannot contain '{}'", c.escape_debug()),
        ),
        None => Ok(()),
    }
}

fn refuse(what: &str, text: &str, reason: &str) -> Result<()> {
    let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    Err(Error::invalid_request(format!(
        "runtime: {what} '{shown}': {reason}"
    )))
}
