//! Checks before the engine is contacted. It would reject most of these too, but with messages that name paths of its host.

use std::collections::BTreeMap;

use backend_core::{Error, Result, RuntimeConfig, VirtualPath, check_environment};

use super::{Settings, limits};
use crate::image::ImageSource;
use crate::labels;
use crate::layout::{DIRECTORY, VOLUME_PREFIX};
use crate::options::{MountSource, Network};

/// With less, the engine refuses the container.
const MIN_MEMORY_BYTES: u64 = 16 << 20;

/// The guest has threads, and each command has a supervising process.
const MIN_PIDS: u32 = 64;

pub(super) fn settings(settings: &Settings) -> Result<()> {
    if let ImageSource::Reference(image) = &settings.image {
        image_name(image)?;
    }
    ceilings(settings)?;
    for (name, value) in &settings.env {
        variable(name, value)?;
    }
    let of_runtime = settings.runtime().into_iter().flat_map(RuntimeConfig::env);
    let all: BTreeMap<&String, &String> = of_runtime.chain(&settings.env).collect();
    check_environment(all)?;
    for name in settings.labels.keys() {
        if name.is_empty() || name.starts_with(labels::PREFIX) {
            return refuse(format!(
                "a label of a sandbox must not be empty or start with '{}'",
                labels::PREFIX
            ));
        }
    }
    let work_dir = settings.work_dir()?;
    if work_dir.is_root() || inside_guest(&work_dir) {
        return refuse("the work directory of a container must be a directory below '/'");
    }
    for name in settings.ulimits.keys() {
        if !limits::is_known(name) {
            return refuse(format!(
                "unknown limit '{}'; 'nofile' and 'fsize' are valid",
                name.escape_debug()
            ));
        }
    }
    for path in settings.tmpfs.keys() {
        mount_point(path)?;
    }
    for mount in &settings.mounts {
        mount_point(&mount.path)?;
        match &mount.source {
            MountSource::Volume(name) => name_of("a volume", name)?,
            MountSource::Workspace(name) => {
                // What runs in the sandbox could replace the guest of every other one.
                if name.as_str().starts_with(VOLUME_PREFIX) {
                    return refuse("the volume of the guest cannot be a workspace");
                }
            }
            MountSource::Directory(directory) => {
                if !directory.starts_with('/') || directory.contains('\0') {
                    return refuse("a mounted directory must be an absolute path of the host");
                }
            }
        }
    }
    if let Network::Named(name) = &settings.network {
        name_of("a network", name)?;
        if matches!(name.as_str(), "host" | "container") {
            return refuse("the network of the host is `Network::HostWithoutIsolation`");
        }
    }
    if settings.network == Network::None && !settings.ports.is_empty() {
        return refuse("a container without a network has no port to reach; choose a network");
    }
    if let Some(user) = settings.user() {
        let (name, group) = user.split_once(':').unwrap_or((user, "0"));
        name_of("a user", name)?;
        name_of("a group", group)?;
    }
    if let Some(runtime) = &settings.oci_runtime {
        name_of("an OCI runtime", runtime)?;
    }
    for capability in &settings.capabilities {
        name_of("a capability", capability)?;
        if matches!(capability.to_ascii_uppercase().as_str(), "ALL" | "CAP_ALL") {
            return refuse("capabilities must be listed one by one");
        }
    }
    Ok(())
}

fn ceilings(settings: &Settings) -> Result<()> {
    if settings.memory < MIN_MEMORY_BYTES || i64::try_from(settings.memory).is_err() {
        return refuse("the memory of a container must be at least 16 MiB");
    }
    if i64::try_from(settings.memory.saturating_add(settings.swap)).is_err() {
        return refuse("the swap of a container is out of range");
    }
    if !(0.01..=4096.0).contains(&settings.cpus) {
        return refuse("the processors of a container must be 0.01 to 4096");
    }
    if settings.pids < MIN_PIDS {
        return refuse("the processes of a container must be at least 64");
    }
    Ok(())
}

/// The name is also used in a list on a label, and in an instruction for a snapshot. Names that would be ambiguous there are
/// rejected.
fn variable(name: &str, value: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !first || !name.chars().all(plain) || value.contains('\0') {
        return refuse(
            "the name of a variable may only have letters, digits, '_', '.' and '-', and its value must not contain a NUL",
        );
    }
    Ok(())
}

fn mount_point(path: &VirtualPath) -> Result<()> {
    if path.is_root() || inside_guest(path) {
        return refuse(format!("nothing can be mounted at {path}"));
    }
    // In some forms of a mount the engine reads options after a colon or a comma.
    if path.as_str().contains([':', ',']) {
        return refuse(format!("a mount point must not contain ':' or ',': {path}"));
    }
    Ok(())
}

fn inside_guest(path: &VirtualPath) -> bool {
    path.as_str() == DIRECTORY || path.as_str().starts_with(&format!("{DIRECTORY}/"))
}

/// Rejects names that could be read as an option, a path, or several names.
fn name_of(what: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let first = name
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    if !first || name.len() > 128 || !name.chars().all(plain) {
        return refuse(format!(
            "the name of {what} may only have letters, digits, '_', '.' and '-'"
        ));
    }
    Ok(())
}

fn image_name(image: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-/:@+".contains(c);
    let first = image
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphanumeric());
    if !first || image.len() > 512 || !image.chars().all(plain) {
        return refuse("invalid image name; use one like 'python:3.12-slim'");
    }
    Ok(())
}

fn refuse<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::invalid_request(message))
}
