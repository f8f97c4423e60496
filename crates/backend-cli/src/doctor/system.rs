//! The kernel, the user, the control groups.

use super::Check;

/// The `statfs` type of control groups version 2.
const CGROUP2_MAGIC: i64 = 0x6367_7270;

pub(super) fn kernel() -> Check {
    let name = "system";
    let uname = rustix::system::uname();
    let (system, release, machine) = (
        uname.sysname().to_string_lossy(),
        uname.release().to_string_lossy(),
        uname.machine().to_string_lossy(),
    );
    let detail = format!("{system} {release}, {machine}");
    if cfg!(target_os = "linux") {
        Check::ok(name, detail)
    } else {
        Check::warn(
            name,
            detail,
            "files work here; commands run only on Linux, or in containers",
        )
    }
}

pub(super) fn user() -> Check {
    let name = "user";
    let user = rustix::process::geteuid();
    if user.is_root() {
        let advice = "commands with --no-isolation could change anything on this machine: use another user for them";
        Check::warn(name, "root", advice)
    } else {
        Check::ok(name, format!("user id {}", user.as_raw()))
    }
}

/// Containers are limited by control groups.
#[cfg(target_os = "linux")]
pub(super) fn cgroups() -> Check {
    let name = "cgroups";
    let advice = "limits of containers need control groups; mount them at /sys/fs/cgroup";
    match rustix::fs::statfs("/sys/fs/cgroup") {
        // The type of the field is not the same on every machine.
        #[allow(
            clippy::useless_conversion,
            clippy::unnecessary_fallible_conversions,
            reason = "see above"
        )]
        Ok(found) if i64::try_from(found.f_type) == Ok(CGROUP2_MAGIC) => {
            Check::ok(name, "version 2")
        }
        Ok(_) => Check::warn(
            name,
            "version 1",
            "version 2 accounts for memory more precisely",
        ),
        Err(error) => Check::warn(name, format!("missing: {error}"), advice),
    }
}

/// Containers are limited by control groups.
#[cfg(not(target_os = "linux"))]
pub(super) fn cgroups() -> Check {
    let advice = "limits of containers are those of the machine that the engine runs on";
    Check::warn("cgroups", "there are none on this system", advice)
}
