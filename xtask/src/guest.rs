//! `cargo xtask guest`: builds the binary that runs inside a sandbox, measures it, and tests it in an empty root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::shell::Cmd;
use crate::workspace::Workspace;

/// The maximum size of the guest.
const MAX_BYTES: u64 = 4 << 20;

/// The maximum resident memory of the idle guest, in KiB.
const MAX_RESIDENT_KIB: u64 = 3 << 10;

/// How long the guest settles before it is measured.
const SETTLE: Duration = Duration::from_secs(1);

/// The options of the command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    target: Option<String>,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Self> {
        match args {
            [] => Ok(Self::default()),
            [option, target] if option == "--target" => Ok(Self {
                target: Some(target.clone()),
            }),
            _ => Err("guest takes only --target TRIPLE".to_owned()),
        }
    }
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let target = match &options.target {
        Some(target) => target.clone(),
        None => default_target()?,
    };
    let guest = build(workspace, &target)?;
    let size = fs::metadata(&guest)
        .map_err(|e| format!("{}: {e}", guest.display()))?
        .len();
    println!("\n{}", guest.display());
    println!("size: {size} bytes, {:.2} MiB (goal: 4)", mib(size));
    let mut problems = Vec::new();
    if size > MAX_BYTES {
        problems.push("the guest is larger than 4 MiB".to_owned());
    }
    if runs_here(&target) {
        let resident = resident(&guest)?;
        println!(
            "resident when idle: {resident} KiB, {:.2} MiB (goal: 3)",
            mib(resident << 10)
        );
        if resident > MAX_RESIDENT_KIB {
            problems.push("the idle guest has more than 3 MiB resident".to_owned());
        }
        // The tests report themselves if they cannot run here, and why.
        let variable = format!(
            "AGENT_BACKENDS_GUEST_{}",
            std::env::consts::ARCH.to_uppercase()
        );
        Cmd::cargo(&["test", "--package", "sandbox-guest", "--test", "it"])
            .args(&["--", "--nocapture", "empty_root", "memory", "process_one"])
            .env(&variable, &guest.to_string_lossy())
            .run()?;
    } else {
        println!("not run: it was built for another machine");
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("; "))
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Returns the target to build for: this machine's, with musl if that is installed.
fn default_target() -> Result<String> {
    let arch = std::env::consts::ARCH;
    let musl = format!("{arch}-unknown-linux-musl");
    let installed = Cmd::new("rustup")
        .args(&["target", "list", "--installed"])
        .output();
    if installed.is_ok_and(|list| list.lines().any(|line| line == musl)) {
        return Ok(musl);
    }
    if cfg!(target_os = "linux") {
        Ok(format!("{arch}-unknown-linux-gnu"))
    } else {
        Err("the guest runs on Linux: name a --target that this toolchain can build for".to_owned())
    }
}

fn runs_here(target: &str) -> bool {
    cfg!(target_os = "linux") && target.starts_with(std::env::consts::ARCH)
}

/// Builds the guest, and returns where it is. The build script of `sandbox-guest` does the same.
fn build(workspace: &Workspace, target: &str) -> Result<PathBuf> {
    let directory = workspace.target.join("guest-build");
    let config = workspace.root.join("crates/sandbox-guest/guest.toml");
    Cmd::cargo(&[
        "build",
        "--package",
        "sandbox-guest",
        "--bin",
        "agent-guest",
    ])
    .args(&[
        "--profile",
        "guest",
        "--no-default-features",
        "--features",
        "binary",
    ])
    .args(&["--target", target, "--config", &config.to_string_lossy()])
    .args(&["--target-dir", &directory.to_string_lossy()])
    .run()?;
    Ok(directory.join(target).join("guest").join("agent-guest"))
}

/// Starts the guest, and returns how many KiB it has resident while it listens without connections.
fn resident(guest: &Path) -> Result<u64> {
    let socket = std::env::temp_dir().join(format!("agent-guest-{}.sock", std::process::id()));
    let child = Command::new(guest)
        .args(["init", "--socket"])
        .arg(&socket)
        .stdin(Stdio::null())
        .spawn()
        .map_err(|e| format!("cannot run {}: {e}", guest.display()))?;
    let mut child = Ended(child);
    thread::sleep(SETTLE);
    let listens = socket.exists();
    let status = fs::read_to_string(format!("/proc/{}/status", child.0.id()));
    drop(child.0.kill());
    drop(fs::remove_file(&socket));
    if !listens {
        return Err("the guest does not listen".to_owned());
    }
    let line = status
        .map_err(|e| format!("the guest cannot be measured: {e}"))?
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:").map(str::to_owned))
        .unwrap_or_default();
    line.split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| "the kernel does not report the memory of the guest".to_owned())
}

/// A process that is killed and waited for on drop.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn a_target_can_be_named() {
        let parse = |args: &[&str]| {
            Options::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(parse(&[]), Ok(Options::default()));
        let named = parse(&["--target", "x"]).unwrap();
        assert_eq!(named.target.as_deref(), Some("x"));
        assert!(parse(&["--target"]).is_err());
        assert!(parse(&["--release"]).is_err());
    }
}
