//! Collects the guests that the library embeds: those that were handed over, and the one that it builds itself.
//!
//! Without the feature `embedded` there are none. On another system than Linux it builds none: a guest runs on Linux, and a build for
//! that is not to be had everywhere. Any other failure ends the build with a way out.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The architectures that there are, and the variables by which a guest for each is handed over.
const ARCHITECTURES: [(&str, &str); 2] = [
    ("x86_64", "AGENT_BACKENDS_GUEST_X86_64"),
    ("aarch64", "AGENT_BACKENDS_GUEST_AARCH64"),
];

/// A guest is some megabytes. What is much larger is not one.
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
    // Documentation is built where nothing can be downloaded.
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

/// Takes a guest that somebody else has built.
fn handed_over(path: &Path, variable: &str) -> Result<PathBuf, String> {
    println!("cargo::rerun-if-changed={}", path.display());
    let why = match fs::metadata(path) {
        Ok(metadata) if metadata.len() > LARGEST => "it is too large for a guest".to_owned(),
        Ok(metadata) if metadata.is_file() => match fs::read(path) {
            Ok(bytes) if bytes.starts_with(b"\x7fELF") => return Ok(path.to_owned()),
            Ok(_) => "it is no ELF program".to_owned(),
            Err(error) => error.to_string(),
        },
        Ok(_) => "it is no file".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(format!("{variable} is {}: {why}", path.display()))
}

/// Builds the guest for the target of this build, with a cargo of its own and a target directory of its own.
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
    // What this build is told about itself is not for the other one: its flags would win over those of the guest, and
    // a checker in the place of the compiler builds nothing.
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

/// Builds again when something of the guest changes. In a workspace that is the crates beside this one.
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

/// Returns a target directory that every build of this workspace shares, and none but those of guests: `guest` beside the
/// directory that this script's own output is below.
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
        "the guest for {architecture} cannot be built ({why}); what cargo said is above. {way_out}"
    )
}

fn way_out(variable: &str) -> String {
    format!(
        "Either hand one over that was built elsewhere, by `cargo xtask guest` for example, with \
         {variable}=/path/to/agent-guest, or do without the feature `embedded` of sandbox-guest \
         (`embedded-guest` of sandbox-docker)."
    )
}
