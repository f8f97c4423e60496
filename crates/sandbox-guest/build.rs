//! Collects the guests that the library embeds: those passed in by variables, and the one that it builds itself.
//!
//! Without the feature `embedded` there are none, and a build for another system than Linux builds none: a guest runs on Linux,
//! and few such machines have what a build for it needs. Any other failure ends the build with advice.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The known architectures, and the variables that pass a guest for each.
const ARCHITECTURES: [(&str, &str); 2] = [
    ("x86_64", "AGENT_BACKENDS_GUEST_X86_64"),
    ("aarch64", "AGENT_BACKENDS_GUEST_AARCH64"),
];

/// A guest is a few megabytes. Anything much larger is not one.
const LARGEST: u64 = 64 << 20;

fn main() {
    if let Err(error) = run() {
        println!("cargo::error={error}");
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut guests = Vec::new();
    // docs.rs builds without network access.
    if env::var_os("CARGO_FEATURE_EMBEDDED").is_some() && env::var_os("DOCS_RS").is_none() {
        let linux = env::var("CARGO_CFG_TARGET_OS")? == "linux";
        for (architecture, variable) in ARCHITECTURES {
            println!("cargo::rerun-if-env-changed={variable}");
            let guest = match env::var_os(variable) {
                Some(path) => Some(handed_over(Path::new(&path), variable)?),
                None if linux && env::var("CARGO_CFG_TARGET_ARCH")? == architecture => {
                    Some(build(&out, architecture, variable)?)
                }
                None => None,
            };
            if let Some(guest) = guest {
                let copy = out.join(format!("agent-guest-{architecture}"));
                fs::copy(&guest, &copy)?;
                guests.push(format!("({architecture:?}, include_bytes!({copy:?}))"));
            }
        }
    }
    let list = format!(
        "const GUESTS: &[(&str, &[u8])] = &[{}];\n",
        guests.join(", ")
    );
    fs::write(out.join("guests.rs"), list)?;
    Ok(())
}

/// Takes a guest that was built elsewhere.
fn handed_over(path: &Path, variable: &str) -> Result<PathBuf, String> {
    println!("cargo::rerun-if-changed={}", path.display());
    let why = match fs::metadata(path) {
        Ok(metadata) if metadata.len() > LARGEST => "it is too large for a guest".to_owned(),
        Ok(metadata) if metadata.is_file() => match fs::read(path) {
            Ok(bytes) if bytes.starts_with(b"\x7fELF") => return Ok(path.to_owned()),
            Ok(_) => "it is not an ELF program".to_owned(),
            Err(error) => error.to_string(),
        },
        Ok(_) => "it is not a file".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(format!("{variable} is {}: {why}", path.display()))
}

/// Builds the guest for the target of this build, with a nested cargo and a target directory of its own.
fn build(out: &Path, architecture: &str, variable: &str) -> Result<PathBuf, Box<dyn Error>> {
    let package = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let target = env::var("TARGET")?;
    watch(&package);
    let directory = directory(out);
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(&package)
        .args([
            "build",
            "--quiet",
            "--bin",
            "agent-guest",
            "--profile",
            "guest",
        ])
        .args([
            "--no-default-features",
            "--features",
            "binary",
            "--target",
            &target,
        ])
        .arg("--config")
        .arg(package.join("guest.toml"))
        .arg("--target-dir")
        .arg(&directory);
    // Settings of this build must not reach the nested one: its flags would override those of the guest, and a checker in
    // place of the compiler builds nothing.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let foreign = name.starts_with("CARGO_FEATURE_")
            || name.starts_with("CARGO_CFG_")
            || name.starts_with("CARGO_PROFILE_")
            || matches!(
                name.as_str(),
                "RUSTFLAGS"
                    | "CARGO_ENCODED_RUSTFLAGS"
                    | "CARGO_BUILD_RUSTFLAGS"
                    | "CARGO_BUILD_TARGET"
                    | "CARGO_MAKEFLAGS"
                    | "CARGO_MANIFEST_DIR"
                    | "CARGO_TARGET_DIR"
                    | "RUSTC_WORKSPACE_WRAPPER"
                    | "RUSTC_WRAPPER"
            );
        if foreign {
            command.env_remove(name);
        }
    }
    let built = command.status();
    match built {
        Ok(status) if status.success() => {
            Ok(directory.join(&target).join("guest").join("agent-guest"))
        }
        Ok(status) => Err(failed(architecture, variable, &status.to_string()).into()),
        Err(error) => Err(failed(architecture, variable, &error.to_string()).into()),
    }
}

/// Rebuilds when a source of the guest changes. In a workspace that includes the sibling crates.
fn watch(package: &Path) {
    for file in ["Cargo.toml", "guest.toml", "src"] {
        println!("cargo::rerun-if-changed={}", package.join(file).display());
    }
    for sibling in ["backend-core", "backend-fs", "sandbox-local"] {
        let sibling = package.join("..").join(sibling);
        for file in ["Cargo.toml", "src"] {
            if sibling.join(file).exists() {
                println!("cargo::rerun-if-changed={}", sibling.join(file).display());
            }
        }
    }
}

/// Returns a target directory that all guest builds of this workspace share, and no other builds: `guest`, a sibling of
/// the directory that this script's own output is below.
fn directory(out: &Path) -> PathBuf {
    let profile = out
        .ancestors()
        .find(|path| path.ends_with("build"))
        .and_then(Path::parent);
    profile
        .and_then(Path::parent)
        .unwrap_or(out)
        .join("guest-build")
}

fn failed(architecture: &str, variable: &str, why: &str) -> String {
    let way_out = way_out(variable);
    format!(
        "cannot build the guest for {architecture} ({why}); see the output of cargo above. {way_out}"
    )
}

fn way_out(variable: &str) -> String {
    format!(
        "Either pass one that was built elsewhere, for example by `cargo xtask guest`, with \
         {variable}=/path/to/agent-guest, or disable the feature `embedded` of sandbox-guest \
         (`embedded-guest` of sandbox-docker)."
    )
}
