//! All settings of a sandbox, before there is a container.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backend_core::{
    DEFAULT_WORK_DIR, Durability, Result, RuntimeConfig, SandboxId, VirtualPath, VolumeName,
};
use bytes::Bytes;

use crate::image::{BuildOptions, ImageSource};
use crate::options::{Access, Hardening, Lifetime, MountSource, Mounted, Network, Port};

mod body;
mod check;
mod limits;
mod process_one;
#[cfg(test)]
mod tests;

pub(crate) use body::{body, is_in_memory, numbers};

/// Default memory limit of a sandbox: 1 GiB.
pub const DEFAULT_MEMORY_BYTES: u64 = 1 << 30;

/// Default number of processors of a sandbox: 2.
pub const DEFAULT_CPUS: f64 = 2.0;

/// Default limit of concurrent processes and threads of a sandbox: 512.
pub const DEFAULT_PIDS: u32 = 512;

/// How long an ephemeral sandbox outlives its last connection by default: 2 minutes.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(120);

/// The user of [`Hardening::Strict`], and its home directory.
pub(crate) const STRICT_USER: &str = "1000:1000";
pub(crate) const STRICT_HOME: &str = "/home/agent";

/// The capabilities of [`Hardening::Standard`]: only those needed for installing packages and ending commands.
pub(crate) const CAPABILITIES: [&str; 7] = [
    "CHOWN",        // dpkg, tar and npm give files the owner of their archive
    "DAC_OVERRIDE", // root reads and writes files it has given away, such as apt's lists
    "FOWNER",       // and changes their mode and times
    "FSETID",       // and keeps their set-group-ID bit, as dpkg expects of /var/mail and the like
    "KILL",         // the guest ends commands of other users, such as apt's downloads
    "SETGID",       // apt and npm switch to their own user
    "SETUID",
];

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) image: ImageSource,
    pub(crate) build: BuildOptions,
    pub(crate) namespace: SandboxId,
    pub(crate) id: Option<SandboxId>,
    pub(crate) lifetime: Option<Lifetime>,
    pub(crate) lease: Option<Option<Duration>>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) durability: Durability,
    pub(crate) work_dir: Option<VirtualPath>,
    pub(crate) mounts: Vec<Mounted>,
    pub(crate) tmpfs: BTreeMap<VirtualPath, u64>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) user: Option<String>,
    /// The user of the image, known once there is an image.
    pub(crate) image_user: Option<String>,
    pub(crate) network: Network,
    pub(crate) ports: Vec<Port>,
    pub(crate) memory: u64,
    pub(crate) swap: u64,
    pub(crate) cpus: f64,
    pub(crate) pids: u32,
    pub(crate) disk: Option<u64>,
    pub(crate) ulimits: BTreeMap<String, u64>,
    pub(crate) hardening: Hardening,
    pub(crate) read_only_root: bool,
    pub(crate) capabilities: BTreeSet<String>,
    pub(crate) devices: Vec<String>,
    pub(crate) oci_runtime: Option<String>,
    pub(crate) guest: Option<Bytes>,
}

impl Settings {
    pub(crate) fn new(image: String) -> Result<Self> {
        Ok(Self {
            image: ImageSource::Reference(image),
            build: BuildOptions::new(),
            namespace: SandboxId::parse("default")?,
            id: None,
            lifetime: None,
            lease: None,
            idle_timeout: None,
            durability: Durability::default(),
            work_dir: None,
            mounts: Vec::new(),
            tmpfs: BTreeMap::new(),
            env: BTreeMap::new(),
            labels: BTreeMap::new(),
            user: None,
            image_user: None,
            network: Network::None,
            ports: Vec::new(),
            memory: DEFAULT_MEMORY_BYTES,
            swap: 0,
            cpus: DEFAULT_CPUS,
            pids: DEFAULT_PIDS,
            disk: None,
            ulimits: BTreeMap::from([("core".to_owned(), 0)]),
            hardening: Hardening::Standard,
            read_only_root: false,
            capabilities: BTreeSet::new(),
            devices: Vec::new(),
            oci_runtime: None,
            guest: None,
        })
    }

    /// Checks every field. Called before a container is created.
    pub(crate) fn check(&self) -> Result<()> {
        check::settings(self)
    }

    pub(crate) fn runtime(&self) -> Option<&RuntimeConfig> {
        match &self.image {
            ImageSource::Runtime(runtime) => Some(runtime),
            ImageSource::Reference(_) => None,
        }
    }

    /// Returns the directory in which commands run.
    pub(crate) fn work_dir(&self) -> Result<VirtualPath> {
        match (&self.work_dir, self.runtime()) {
            (Some(chosen), _) => Ok(chosen.clone()),
            (None, Some(runtime)) => Ok(runtime.work_dir().clone()),
            (None, None) => Ok(VirtualPath::parse(DEFAULT_WORK_DIR)?),
        }
    }

    /// Returns the user that everything runs as; `None` means the image's.
    pub(crate) fn user(&self) -> Option<&str> {
        let strict = (self.hardening == Hardening::Strict).then_some(STRICT_USER);
        self.user
            .as_deref()
            .or_else(|| self.runtime().and_then(RuntimeConfig::user))
            .or(strict)
    }

    /// Returns the user that everything runs as, including the image's; `None` means root.
    pub(crate) fn user_or_of_image(&self) -> Option<&str> {
        self.user().or(self.image_user.as_deref())
    }

    pub(crate) fn lifetime(&self) -> Lifetime {
        self.lifetime.unwrap_or(match self.id {
            Some(_) => Lifetime::Kept,
            None => Lifetime::Ephemeral,
        })
    }

    /// Returns how long the container runs without a connection; `None` means without limit.
    pub(crate) fn lease(&self) -> Option<Duration> {
        self.lease.unwrap_or(match self.lifetime() {
            Lifetime::Ephemeral => Some(DEFAULT_LEASE),
            Lifetime::Kept => None,
        })
    }

    pub(crate) fn has_read_only_root(&self) -> bool {
        self.read_only_root || self.hardening == Hardening::Strict
    }

    /// Returns the mounted directories of the host.
    pub(crate) fn directories(&self) -> impl Iterator<Item = &str> {
        self.mounts.iter().filter_map(|mount| match &mount.source {
            MountSource::Directory(directory) => Some(directory.as_str()),
            MountSource::Volume(_) | MountSource::Workspace(_) => None,
        })
    }

    /// Returns the volumes that are workspaces.
    pub(crate) fn workspaces(&self) -> impl Iterator<Item = &VolumeName> {
        self.mounts.iter().filter_map(|mount| match &mount.source {
            MountSource::Workspace(name) => Some(name),
            MountSource::Directory(_) | MountSource::Volume(_) => None,
        })
    }

    /// Returns the requested paths and devices, which the caller knows.
    pub(crate) fn own_paths(&self) -> impl Iterator<Item = &str> {
        let mounts = self.mounts.iter().map(|mount| mount.path.as_str());
        let tmpfs = self.tmpfs.keys().map(VirtualPath::as_str);
        let work_dir = self.work_dir.as_ref().map(VirtualPath::as_str);
        let devices = self.devices.iter().map(String::as_str);
        mounts.chain(tmpfs).chain(work_dir).chain(devices)
    }

    /// Returns whether a path hides the image's content there.
    pub(crate) fn hides(&self, path: &VirtualPath) -> bool {
        let over = |mounted: &VirtualPath| path.starts_with(mounted);
        self.has_read_only_root()
            || self.tmpfs.keys().any(over)
            || self.mounts.iter().any(|mount| over(&mount.path))
    }

    /// Returns whether a writable directory or volume is mounted at a path.
    pub(crate) fn is_mounted_to_write(&self, path: &VirtualPath) -> bool {
        let mut mounts = self.mounts.iter();
        mounts.any(|mount| mount.path == *path && mount.access == Access::ReadWrite)
    }

    /// Returns whether something is mounted at a path.
    pub(crate) fn is_mount(&self, path: &VirtualPath) -> bool {
        self.tmpfs.contains_key(path) || self.mounts.iter().any(|mount| mount.path == *path)
    }
}
