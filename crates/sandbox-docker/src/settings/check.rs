//! What is refused before the engine is asked. It would refuse most of it too, in words that name paths of its host.

use std::collections::BTreeMap;

use backend_core::{Error, Result, RuntimeConfig, VirtualPath, check_environment};

use super::{Settings, limits};
use crate::choices::{MountSource, Network};
use crate::guest::DIRECTORY;
use crate::image::ImageSource;
use crate::labels;

/// Less than this, and the engine refuses the container.
const LEAST_MEMORY: u64 = 16 << 20;

/// The guest has threads, and each command a process that looks after it.
const LEAST_PIDS: u32 = 64;

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
        return refuse("the work directory of a container is a directory below '/'");
    }
    for name in settings.ulimits.keys() {
        if !limits::is_known(name) {
            return refuse(format!(
                "there is no limit '{}'; 'nofile' and 'fsize' are some",
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
            MountSource::Directory(directory) => {
                if !directory.starts_with('/') || directory.contains('\0') {
                    return refuse("a directory that is mounted is an absolute path of the host");
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
            return refuse("capabilities are given one by one");
        }
    }
    Ok(())
}

fn ceilings(settings: &Settings) -> Result<()> {
    if settings.memory < LEAST_MEMORY || i64::try_from(settings.memory).is_err() {
        return refuse("the memory of a container is 16 MiB at least");
    }
    if i64::try_from(settings.memory.saturating_add(settings.swap)).is_err() {
        return refuse("the swap of a container is out of range");
    }
    if !(0.01..=4096.0).contains(&settings.cpus) {
        return refuse("the share of processors of a container is 0.01 to 4096");
    }
    if settings.pids < LEAST_PIDS {
        return refuse("a container may have 64 processes at least");
    }
    Ok(())
}

/// A name is also one in a list of names on a label, and in an instruction when a snapshot is made: what would be two there, or
/// something else, is refused.
fn variable(name: &str, value: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !first || !name.chars().all(plain) || value.contains('\0') {
        return refuse(
            "the name of a variable is letters, digits, '_', '.' and '-', and its value has no NUL",
        );
    }
    Ok(())
}

fn mount_point(path: &VirtualPath) -> Result<()> {
    if path.is_root() || inside_guest(path) {
        return refuse(format!("nothing can be mounted at {path}"));
    }
    // The engine takes options after a colon or a comma in some forms of a mount.
    if path.as_str().contains([':', ',']) {
        return refuse(format!("a mount point has neither ':' nor ',': {path}"));
    }
    Ok(())
}

fn inside_guest(path: &VirtualPath) -> bool {
    path.as_str() == DIRECTORY || path.as_str().starts_with(&format!("{DIRECTORY}/"))
}

/// Refuses what could be an option, a path, or several things.
fn name_of(what: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let first = name
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    if !first || name.len() > 128 || !name.chars().all(plain) {
        return refuse(format!(
            "the name of {what} is letters, digits, '_', '.' and '-'"
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
        return refuse("this is no name of an image; 'python:3.12-slim' is one");
    }
    Ok(())
}

fn refuse<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::invalid_request(message))
}
