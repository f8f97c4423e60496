//! The engine's configuration for given settings, and the settings that are refused.

use backend_core::{RuntimeConfig, SandboxId, VirtualPath, VolumeName};
use bollard::models::ContainerCreateBody;

use super::{Settings, body, is_in_memory};
use crate::image::ImageSource;
use crate::options::{Access, Hardening, Lifetime, MountSource, Mounted, Network, Port};

fn settings() -> Settings {
    Settings::new("python:3.12-slim".to_owned()).unwrap()
}

fn path(text: &str) -> VirtualPath {
    VirtualPath::parse(text).unwrap()
}

fn made(settings: &Settings) -> ContainerCreateBody {
    settings.check().unwrap();
    body(
        settings,
        &SandboxId::parse("id-1").unwrap(),
        "image",
        "volume",
    )
    .unwrap()
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Settings), word: &str) {
    let mut settings = settings();
    change(&mut settings);
    let error = settings.check().unwrap_err();
    assert_eq!(error.kind(), backend_core::ErrorKind::InvalidRequest);
    assert!(error.to_string().contains(word), "{error}");
}

#[test]
fn a_container_is_safe_by_default() {
    let body = made(&settings());
    let host = body.host_config.unwrap();
    assert_eq!(host.network_mode.as_deref(), Some("none"));
    assert_eq!(host.privileged, Some(false));
    assert_eq!(host.cap_drop.unwrap(), ["ALL"]);
    assert_eq!(host.security_opt.unwrap(), ["no-new-privileges"]);
    assert_eq!(host.memory, Some(1 << 30));
    assert_eq!(host.memory_swap, host.memory);
    assert_eq!(host.pids_limit, Some(512));
    assert_eq!(
        (host.cpu_quota, host.cpu_period),
        (Some(200_000), Some(100_000))
    );
    assert_eq!(host.auto_remove, Some(true));
    assert!(host.devices.unwrap().is_empty());
    assert!(host.port_bindings.unwrap().is_empty());
    assert_eq!(host.ipc_mode.as_deref(), Some("private"));
    assert_eq!(host.pid_mode, None);
    let [guest] = &host.mounts.unwrap()[..] else {
        panic!("one mount");
    };
    assert_eq!(guest.read_only, Some(true));
    assert_eq!(guest.target.as_deref(), Some("/.agent-backends"));
    let log = host.log_config.unwrap();
    assert!(log.config.unwrap().contains_key("max-size"));
    assert_eq!(body.working_dir.as_deref(), Some("/workspace"));
    let labels = body.labels.unwrap();
    assert_eq!(labels["agent-backends.lease"], "120");
    assert_eq!(labels["agent-backends.lifetime"], "ephemeral");
}

#[test]
fn the_work_directory_is_known_to_be_in_memory() {
    let check = |change: &dyn Fn(&mut Settings), want: bool| {
        let mut settings = settings();
        change(&mut settings);
        let work_dir = settings.work_dir().unwrap();
        assert_eq!(is_in_memory(&settings, &work_dir), want);
        // It is what the engine is asked for.
        let tmpfs = made(&settings).host_config.unwrap().tmpfs.unwrap();
        assert_eq!(tmpfs.contains_key(work_dir.as_str()), want);
    };
    let strict = |settings: &mut Settings| settings.hardening = Hardening::Strict;
    check(&|_| {}, false);
    check(&strict, true);
    let add = |settings: &mut Settings, at: &str| {
        settings.tmpfs.insert(path(at), 1 << 20);
    };
    check(&|settings| add(settings, "/workspace"), true);
    check(&|settings| add(settings, "/other"), false);
    let mounted = Mounted {
        source: MountSource::Volume("v".to_owned()),
        path: path("/workspace"),
        access: Access::ReadWrite,
    };
    let on_disk = |settings: &mut Settings| {
        strict(settings);
        settings.mounts.push(mounted.clone());
    };
    check(&on_disk, false);
}

#[test]
fn strict_has_no_capability_and_room_for_what_runs() {
    let mut strict = settings();
    strict.hardening = Hardening::Strict;
    let body = made(&strict);
    assert_eq!(body.user.as_deref(), Some("1000:1000"));
    assert!(body.env.unwrap().contains(&"HOME=/home/agent".to_owned()));
    let host = body.host_config.unwrap();
    assert!(host.cap_add.unwrap().is_empty());
    assert_eq!(host.readonly_rootfs, Some(true));
    let sizes: u64 = host
        .tmpfs
        .unwrap()
        .values()
        .map(|options| {
            assert!(
                options.contains("exec") && options.contains("nosuid"),
                "{options}"
            );
            let (_, size) = options.split_once("size=").unwrap();
            size.split(',').next().unwrap().parse::<u64>().unwrap()
        })
        .sum();
    strict.memory = 256 << 20;
    let host = made(&strict).host_config.unwrap();
    let shared = u64::try_from(host.shm_size.unwrap()).unwrap();
    assert_eq!(shared, 16 << 20);
    assert!(
        sizes / 4 + shared < strict.memory,
        "a flood must not be out of memory"
    );
}

#[test]
fn a_mount_takes_the_place_of_memory() {
    let mut strict = settings();
    strict.hardening = Hardening::Strict;
    strict.mounts.push(Mounted {
        source: MountSource::Directory("/srv/w".to_owned()),
        path: path("/workspace"),
        access: Access::ReadWrite,
    });
    let host = made(&strict).host_config.unwrap();
    assert!(!host.tmpfs.unwrap().contains_key("/workspace"));
    assert_eq!(host.mounts.unwrap()[1].source.as_deref(), Some("/srv/w"));
}

#[test]
fn a_volume_as_workspace_hides_the_image_and_is_never_a_guest() {
    let workspace = |name: &str| Mounted {
        source: MountSource::Workspace(VolumeName::parse(name).unwrap()),
        path: path("/workspace"),
        access: Access::ReadWrite,
    };
    let mut settings = settings();
    settings.mounts.push(workspace("files-1"));
    let mount = made(&settings).host_config.unwrap().mounts.unwrap().pop();
    let mount = mount.unwrap();
    assert_eq!(mount.source.as_deref(), Some("files-1"));
    assert_eq!(mount.target.as_deref(), Some("/workspace"));
    assert_eq!(mount.volume_options.unwrap().no_copy, Some(true));
    let guest = workspace("agent-backends-guest-0123");
    refused(|s| s.mounts.push(guest), "guest");
}

#[test]
fn a_name_makes_a_sandbox_that_stays() {
    let mut named = settings();
    assert_eq!(named.lifetime(), Lifetime::Ephemeral);
    assert!(named.lease().is_some());
    named.id = Some(SandboxId::parse("a").unwrap());
    assert_eq!(named.lifetime(), Lifetime::Kept);
    assert_eq!(named.lease(), None);
    let body = made(&named);
    let labels = body.labels.unwrap();
    for name in ["agent-backends.lease", "agent-backends.idle-timeout"] {
        assert!(!labels.contains_key(name), "{name}");
    }
    assert_eq!(body.host_config.unwrap().auto_remove, Some(false));
    assert!(
        !body
            .entrypoint
            .unwrap()
            .iter()
            .any(|a| a.starts_with("--lease"))
    );
}

#[test]
fn requested_variables_override_the_runtime_and_those_override_ours() {
    let runtime = RuntimeConfig::builder("r")
        .base_image("debian")
        .env("LANG", "de_DE.UTF-8")
        .env("A", "runtime")
        .work_dir("/app")
        .build()
        .unwrap();
    let mut settings = settings();
    settings.image = ImageSource::Runtime(runtime);
    settings.env.insert("A".to_owned(), "asked".to_owned());
    let body = made(&settings);
    let env = body.env.unwrap();
    for line in [
        "A=asked",
        "LANG=de_DE.UTF-8",
        "PAGER=cat",
        "GIT_CONFIG_VALUE_0=*",
    ] {
        assert!(env.contains(&line.to_owned()), "{line}: {env:?}");
    }
    assert_eq!(body.working_dir.as_deref(), Some("/app"));
    let labels = body.labels.unwrap();
    assert_eq!(labels["agent-backends.variables"], "A LANG");
    assert!(!labels.values().any(|value| value.contains("asked")));
}

#[test]
fn invalid_settings_are_refused_with_our_messages() {
    for image in ["", "-v", "--privileged", "a b", "a\nb", "a;b", "$(x)"] {
        let image = || image.to_owned();
        refused(|s| s.image = ImageSource::Reference(image()), "image");
    }
    refused(|s| s.memory = 1 << 20, "memory");
    refused(|s| s.memory = u64::MAX, "memory");
    refused(|s| s.swap = u64::MAX / 2, "swap");
    for cpus in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(|s| s.cpus = cpus, "processors");
    }
    refused(|s| s.pids = 1, "64");
    for (name, value) in [
        ("", "x"),
        ("A=B", "x"),
        ("A\0", "x"),
        ("A", "x\0"),
        ("A B", "x"),
        ("A\nUSER root", "x"),
        ("$A", "x"),
        ("1", "x"),
    ] {
        refused(
            |s| drop(s.env.insert(name.to_owned(), value.to_owned())),
            "variable",
        );
    }
    refused(
        |s| {
            drop(
                s.labels
                    .insert("agent-backends.id".to_owned(), String::new()),
            )
        },
        "label",
    );
    refused(|s| s.work_dir = Some(VirtualPath::root()), "work directory");
    refused(
        |s| s.work_dir = Some(path("/.agent-backends/x")),
        "work directory",
    );
    for point in ["/", "/.agent-backends", "/a:rw", "/a,b"] {
        let insert = |s: &mut Settings| {
            s.tmpfs.insert(path(point), 1);
        };
        refused(insert, "mount");
    }
    for source in ["", "relative", "/nul\0"] {
        let source = MountSource::Directory(source.to_owned());
        let mounted = Mounted {
            source,
            path: path("/m"),
            access: Access::ReadOnly,
        };
        refused(|s| s.mounts.push(mounted), "directory");
    }
    for volume in ["", "../x", "a/b", "a:b", "/etc"] {
        let source = MountSource::Volume(volume.to_owned());
        let mounted = Mounted {
            source,
            path: path("/m"),
            access: Access::ReadOnly,
        };
        refused(|s| s.mounts.push(mounted), "volume");
    }
    for network in ["host", "container:x", "container", "", "a b"] {
        refused(
            |s| s.network = Network::Named(network.to_owned()),
            "network",
        );
    }
    let outside = "127.0.0.1:0".parse().unwrap();
    refused(
        |s| {
            s.ports.push(Port {
                inside: 80,
                outside,
            })
        },
        "network",
    );
    for user in ["", "root;id", "a b", ":0", "1:-1"] {
        refused(|s| s.user = Some(user.to_owned()), "name of");
    }
    refused(|s| s.oci_runtime = Some("../runc".to_owned()), "OCI");
    for capability in ["ALL", "all", "CAP_ALL", "a b"] {
        let insert = |s: &mut Settings| {
            s.capabilities.insert(capability.to_owned());
        };
        refused(insert, "capabilit");
    }
}
