//! The settings as the engine's container configuration.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use backend_core::{Result, RuntimeConfig, SandboxId, VirtualPath};
use bollard::models::{
    ContainerCreateBody, DeviceMapping, HealthConfig, HostConfig, HostConfigCgroupnsModeEnum,
    HostConfigLogConfig, Mount, MountType, MountVolumeOptions, PortBinding, ResourcesUlimits,
};

use super::{CAPABILITIES, STRICT_HOME, Settings, process_one};
use crate::labels;
use crate::layout::DIRECTORY;
use crate::options::{Access, Hardening, Lifetime, MountSource, Network};

/// The period of the CPU quota. A quota, unlike the engine's own CPU setting, may exceed the machine.
const PERIOD_MICROSECONDS: i64 = 100_000;

/// The maximum size of `/dev/shm`: the engines' default.
const SHARED_MEMORY: u64 = 64 << 20;

/// An environment suited to agents: no pager, no prompts and no colours, and git neither rejects the owner of a mounted directory
/// nor asks for the author.
const ENVIRONMENT: [(&str, &str); 18] = [
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("GIT_CONFIG_COUNT", "3"),
    ("GIT_CONFIG_KEY_0", "safe.directory"),
    ("GIT_CONFIG_VALUE_0", "*"),
    ("GIT_CONFIG_KEY_1", "user.name"),
    ("GIT_CONFIG_VALUE_1", "Agent"),
    ("GIT_CONFIG_KEY_2", "user.email"),
    ("GIT_CONFIG_VALUE_2", "agent@localhost"),
    ("GIT_EDITOR", "true"),
    ("GIT_PAGER", "cat"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("LANG", "C.UTF-8"),
    ("MANPAGER", "cat"),
    ("NO_COLOR", "1"),
    ("PAGER", "cat"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("PYTHONUNBUFFERED", "1"),
    ("SYSTEMD_PAGER", ""),
];

/// Returns the container to create.
pub(crate) fn body(
    settings: &Settings,
    id: &SandboxId,
    image: &str,
    volume: &str,
) -> Result<ContainerCreateBody> {
    let work_dir = settings.work_dir()?;
    let mut labels = labels::of(labels::SANDBOX);
    labels.extend(settings.labels.clone());
    labels.extend(own_labels(settings, id, &work_dir));
    Ok(ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(process_one::command(settings, id, &work_dir)),
        cmd: Some(Vec::new()),
        user: settings.user().map(str::to_owned),
        env: Some(environment(settings)),
        working_dir: Some(work_dir.as_str().to_owned()),
        hostname: (settings.network != Network::HostWithoutIsolation).then(|| "sandbox".to_owned()),
        labels: Some(labels),
        // The image's health check would check for a program that does not run here.
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        stop_signal: Some("SIGTERM".to_owned()),
        exposed_ports: Some(settings.ports.iter().map(|port| tcp(port.inside)).collect()),
        host_config: Some(host(settings, &work_dir, volume)),
        ..ContainerCreateBody::default()
    })
}

fn own_labels(
    settings: &Settings,
    id: &SandboxId,
    work_dir: &VirtualPath,
) -> Vec<(String, String)> {
    let lifetime = match settings.lifetime() {
        Lifetime::Ephemeral => labels::EPHEMERAL,
        Lifetime::Kept => labels::KEPT,
    };
    let runtime = settings.runtime().map(RuntimeConfig::env);
    let given = settings
        .env
        .keys()
        .chain(runtime.into_iter().flat_map(BTreeMap::keys));
    let names: BTreeSet<&str> = given.map(String::as_str).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let seconds = |time: Duration| time.as_secs_f64().to_string();
    let (lease, idle) = (
        settings.lease().map(seconds),
        settings.idle_timeout.map(seconds),
    );
    [
        (labels::NAMESPACE, Some(settings.namespace.as_str())),
        (labels::ID, Some(id.as_str())),
        (labels::LIFETIME, Some(lifetime)),
        (labels::LEASE, lease.as_deref()),
        (labels::IDLE, idle.as_deref()),
        // The image may be a snapshot that still has that of another sandbox.
        (labels::DURABILITY, Some(settings.durability.name())),
        (labels::WORK_DIR, Some(work_dir.as_str())),
        (labels::VARIABLES, Some(&names.join(" "))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
    .collect()
}

/// Returns the variables of the container: ours, then those of the runtime, then the requested ones.
fn environment(settings: &Settings) -> Vec<String> {
    let mut variables: HashMap<&str, &str> = ENVIRONMENT.into_iter().collect();
    if settings.hardening == Hardening::Strict && settings.user() == Some(super::STRICT_USER) {
        variables.insert("HOME", STRICT_HOME);
    }
    if let Some(runtime) = settings.runtime() {
        variables.extend(runtime.env().iter().map(|(n, v)| (n.as_str(), v.as_str())));
    }
    variables.extend(settings.env.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    let mut lines: Vec<String> = variables
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    lines.sort_unstable();
    lines
}

fn host(settings: &Settings, work_dir: &VirtualPath, volume: &str) -> HostConfig {
    let strict = settings.hardening == Hardening::Strict;
    let capabilities = if strict { &[][..] } else { &CAPABILITIES[..] };
    let (memory, swap) = (signed(settings.memory), signed(settings.swap));
    let mut mounts = vec![guest_mount(volume)];
    mounts.extend(settings.mounts.iter().map(mount));
    HostConfig {
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(
            capabilities
                .iter()
                .map(|name| (*name).to_owned())
                .chain(settings.capabilities.iter().cloned())
                .collect(),
        ),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        memory: Some(memory),
        memory_swap: Some(memory.saturating_add(swap)),
        cpu_period: Some(PERIOD_MICROSECONDS),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "at most 4096 times the period, as was checked"
        )]
        cpu_quota: Some((settings.cpus * PERIOD_MICROSECONDS as f64) as i64),
        pids_limit: Some(i64::from(settings.pids)),
        ulimits: Some(ulimits(settings)),
        readonly_rootfs: Some(settings.has_read_only_root()),
        tmpfs: Some(tmpfs(settings, work_dir)),
        shm_size: Some(signed(shared_memory(settings))),
        mounts: Some(mounts),
        network_mode: Some(network(&settings.network).to_owned()),
        port_bindings: Some(ports(settings)),
        devices: Some(settings.devices.iter().map(|path| device(path)).collect()),
        ipc_mode: Some("private".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        // The guest is an init.
        init: Some(false),
        privileged: Some(false),
        auto_remove: Some(settings.lifetime() == Lifetime::Ephemeral),
        runtime: settings.oci_runtime.clone(),
        storage_opt: settings
            .disk
            .map(|bytes| HashMap::from([("size".to_owned(), bytes.to_string())])),
        // The output of process 1 is written to the host's disk, and commands can write to it too.
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), "1m".to_owned()),
                ("max-file".to_owned(), "1".to_owned()),
            ])),
        }),
        ..HostConfig::default()
    }
}

/// Returns the size of `/dev/shm`, which also uses memory: the engine's default, if that is a small part of the limit.
fn shared_memory(settings: &Settings) -> u64 {
    SHARED_MEMORY.min(settings.memory / 16)
}

/// Returns whether the work directory is in memory.
pub(crate) fn is_in_memory(settings: &Settings, work_dir: &VirtualPath) -> bool {
    sizes(settings, work_dir).contains_key(work_dir.as_str())
}

/// Returns the directories in memory, with their sizes.
fn sizes<'a>(settings: &'a Settings, work_dir: &'a VirtualPath) -> HashMap<&'a str, u64> {
    let mut sizes: HashMap<&str, u64> = HashMap::new();
    if settings.hardening == Hardening::Strict {
        // Together they leave some memory to processes, so that a flood of files only runs out of space.
        let of_memory = |part: u64| settings.memory / part;
        sizes.insert(work_dir.as_str(), of_memory(2));
        sizes.insert("/tmp", of_memory(4));
        sizes.insert(STRICT_HOME, of_memory(8));
    } else if settings.read_only_root {
        sizes.insert("/tmp", settings.memory / 4);
    }
    sizes.retain(|path, _| {
        !settings
            .mounts
            .iter()
            .any(|mount| mount.path.as_str() == *path)
    });
    sizes.extend(
        settings
            .tmpfs
            .iter()
            .map(|(path, size)| (path.as_str(), *size)),
    );
    sizes
}

/// Returns the directories in memory, with their options. Files there are executable, because builds and installations need that.
fn tmpfs(settings: &Settings, work_dir: &VirtualPath) -> HashMap<String, String> {
    sizes(settings, work_dir)
        .into_iter()
        .map(|(path, size)| {
            let owner = match settings.user_or_of_image().map(numbers) {
                Some(Some((user, group))) => format!("uid={user},gid={group},mode=0755"),
                // A name cannot be resolved to a number before there is a container to look it up in.
                Some(None) => "mode=1777".to_owned(),
                None => "mode=0755".to_owned(),
            };
            let owner = if path == "/tmp" {
                "mode=1777".to_owned()
            } else {
                owner
            };
            (
                path.to_owned(),
                format!("rw,exec,nosuid,nodev,size={size},{owner}"),
            )
        })
        .collect()
}

/// Returns user and group, if they are given as numbers.
pub(crate) fn numbers(user: &str) -> Option<(u32, u32)> {
    let (user, group) = user.split_once(':').unwrap_or((user, user));
    Some((user.parse().ok()?, group.parse().ok()?))
}

fn guest_mount(volume: &str) -> Mount {
    Mount {
        target: Some(DIRECTORY.to_owned()),
        source: Some(volume.to_owned()),
        typ: Some(MountType::VOLUME),
        read_only: Some(true),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            labels: Some(labels::of(labels::GUEST)),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

fn mount(mount: &crate::options::Mounted) -> Mount {
    let (typ, source) = match &mount.source {
        MountSource::Directory(directory) => (MountType::BIND, directory.as_str()),
        MountSource::Volume(name) => (MountType::VOLUME, name.as_str()),
        MountSource::Workspace(name) => (MountType::VOLUME, name.as_str()),
    };
    // A workspace hides what the image has there, as a mounted directory does, and keeps its own mode.
    let own = matches!(mount.source, MountSource::Workspace(_));
    Mount {
        target: Some(mount.path.as_str().to_owned()),
        source: Some(source.to_owned()),
        typ: Some(typ),
        read_only: Some(mount.access == Access::ReadOnly),
        volume_options: own.then(|| MountVolumeOptions {
            no_copy: Some(true),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

fn ulimits(settings: &Settings) -> Vec<ResourcesUlimits> {
    super::limits::of_container(settings)
        .map(|(name, value)| ResourcesUlimits {
            name: Some(name.to_owned()),
            soft: Some(signed(value)),
            hard: Some(signed(value)),
        })
        .collect()
}

fn network(network: &Network) -> &str {
    match network {
        Network::None => "none",
        Network::Bridge => "bridge",
        Network::Named(name) => name,
        Network::HostWithoutIsolation => "host",
    }
}

fn ports(settings: &Settings) -> HashMap<String, Option<Vec<PortBinding>>> {
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in &settings.ports {
        let binding = PortBinding {
            host_ip: Some(port.outside.ip().to_string()),
            host_port: Some(port.outside.port().to_string()),
        };
        let all = bindings.entry(tcp(port.inside)).or_default();
        all.get_or_insert_default().push(binding);
    }
    bindings
}

fn device(path: &str) -> DeviceMapping {
    DeviceMapping {
        path_on_host: Some(path.to_owned()),
        path_in_container: Some(path.to_owned()),
        cgroup_permissions: Some("rwm".to_owned()),
    }
}

fn tcp(port: u16) -> String {
    format!("{port}/tcp")
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
