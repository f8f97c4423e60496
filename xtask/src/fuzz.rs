//! `cargo xtask fuzz`: runs the fuzz targets of `xtask/fuzz` for a while each.
//!
//! They need a nightly compiler and cargo-fuzz, so running them is not a step of `ci`; compiling them is. Without a nightly
//! toolchain, a stable compiler with `RUSTC_BOOTSTRAP=1`, which enables unstable options, works too: libFuzzer needs only its
//! instrumentation. This is used only on request.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Result;
use crate::shell::Cmd;
use crate::workspace::Workspace;

/// Where they are: a workspace of their own.
const FUZZ: &str = "xtask/fuzz";

/// An input that takes longer is reported as a hang, in seconds. Instrumented code is slow, and the machine may be busy with
/// other things: a real hang still hangs after a minute.
const HANG_SECONDS: u32 = 60;

/// An input that takes more memory is reported, in MiB.
const MEMORY_MIB: u32 = 2048;

/// The longest input, in bytes. Inputs are this long from the start: one of a few bytes is a workspace of no files.
const INPUT_BYTES: u32 = 1024;

/// The options of the command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    targets: Vec<String>,
    seconds: u32,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self {
            targets: Vec::new(),
            seconds: 60,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--seconds" {
                let value = args.next().and_then(|value| value.parse().ok());
                let positive = value.filter(|seconds| *seconds > 0);
                options.seconds = positive.ok_or("--seconds takes a number of at least 1")?;
            } else if arg.starts_with('-') {
                return Err(format!("fuzz: unknown option '{arg}'"));
            } else {
                options.targets.push(arg.clone());
            }
        }
        Ok(options)
    }
}

/// Runs the targets one after the other; the first finding ends the run.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let fuzz = workspace.root.join(FUZZ);
    let all = targets(&fuzz)?;
    if let Some(unknown) = options.targets.iter().find(|target| !all.contains(target)) {
        let names = all.join(", ");
        return Err(format!("unknown fuzz target '{unknown}'; targets: {names}"));
    }
    let compiler = Compiler::find()?;
    let chosen = if options.targets.is_empty() {
        &all
    } else {
        &options.targets
    };
    for target in chosen {
        println!("\n==> {target}, {} seconds", options.seconds);
        run_one(workspace, compiler, target, options.seconds)?;
    }
    println!(
        "\nfuzz passed: {} for {} seconds each",
        chosen.join(", "),
        options.seconds
    );
    Ok(())
}

fn run_one(workspace: &Workspace, compiler: Compiler, target: &str, seconds: u32) -> Result<()> {
    let fuzz = workspace.root.join(FUZZ);
    let corpus = format!("{FUZZ}/corpus/{target}");
    fs::create_dir_all(workspace.root.join(&corpus)).map_err(|e| format!("{corpus}: {e}"))?;
    let features = features(&fuzz, target)?;
    let mut command = compiler
        .cargo_fuzz(&["run", "--fuzz-dir", FUZZ, "--features", &features])
        .args(&[target, &corpus]);
    // Seeds are only read.
    let seeds = format!("{FUZZ}/seeds/{target}");
    if workspace.root.join(&seeds).is_dir() {
        command = command.arg(&seeds);
    }
    command = command
        .args(&["--", &format!("-max_total_time={seconds}")])
        .args(&[
            &format!("-timeout={HANG_SECONDS}"),
            &format!("-rss_limit_mb={MEMORY_MIB}"),
            &format!("-max_len={INPUT_BYTES}"),
            "-len_control=0",
        ]);
    let dictionary = fuzz.join(format!("{target}.dict"));
    if dictionary.is_file() {
        command = command.arg(&format!("-dict={}", dictionary.display()));
    }
    command.dir(&workspace.root).run().map_err(|error| {
        format!("{error}; the input is in {FUZZ}/artifacts/{target}, and `cargo fuzz tmin --fuzz-dir {FUZZ} {target} FILE` minimises it")
    })
}

/// The compiler that the targets are built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compiler {
    /// The compiler of the nightly toolchain.
    Nightly,
    /// The compiler of the toolchain in use, with unstable options enabled.
    Bootstrapped,
}

impl Compiler {
    /// Finds a compiler, and checks that cargo-fuzz is installed.
    fn find() -> Result<Self> {
        let nightly = Cmd::new("rustup").args(&["run", "nightly", "rustc", "--version"]);
        let asked = std::env::var_os("RUSTC_BOOTSTRAP").is_some_and(|value| value == "1");
        let compiler = Self::choose(nightly.succeeds(), asked)?;
        if !compiler.cargo_fuzz(&["--version"]).succeeds() {
            return Err("fuzzing needs cargo-fuzz: `cargo install cargo-fuzz --locked`".to_owned());
        }
        Ok(compiler)
    }

    /// Chooses the nightly toolchain if there is one, or else a stable compiler if that was requested.
    fn choose(nightly: bool, asked: bool) -> Result<Self> {
        match (nightly, asked) {
            (true, _) => Ok(Self::Nightly),
            (false, true) => Ok(Self::Bootstrapped),
            (false, false) => Err(
                "fuzzing needs a nightly toolchain: `rustup toolchain install nightly`; where there can be none, \
                 RUSTC_BOOTSTRAP=1 in the environment lets the stable one do"
                    .to_owned(),
            ),
        }
    }

    /// Returns a command of cargo-fuzz. Not `cargo +nightly`: only rustup's own cargo accepts that, and it may not be the
    /// first in the path of a program that cargo started.
    fn cargo_fuzz(self, args: &[&str]) -> Cmd {
        let command = match self {
            Self::Nightly => Cmd::new("rustup").args(&["run", "nightly", "cargo"]),
            Self::Bootstrapped => Cmd::new("cargo"),
        };
        command.arg("fuzz").args(args)
    }
}

/// Returns the features that a target needs, separated by commas.
fn features(fuzz: &Path, target: &str) -> Result<String> {
    let manifest = fuzz.join("Cargo.toml");
    let metadata = Cmd::cargo(&["metadata", "--format-version", "1", "--no-deps"])
        .args(&["--manifest-path", &manifest.to_string_lossy()])
        .output()?;
    let metadata: Value = serde_json::from_str(&metadata)
        .map_err(|e| format!("cargo metadata printed invalid JSON: {e}"))?;
    Ok(required_features(&metadata, target).join(","))
}

/// Finds the features that a target needs in the metadata of its workspace.
fn required_features<'a>(metadata: &'a Value, target: &str) -> Vec<&'a str> {
    let list = |of: &'a Value, name: &str| of[name].as_array().map_or(&[][..], Vec::as_slice);
    let mut targets = list(metadata, "packages")
        .iter()
        .flat_map(|package| list(package, "targets"));
    let found = targets.find(|found| found["name"] == target);
    let features = found.map_or(&[][..], |found| list(found, "required-features"));
    features.iter().filter_map(Value::as_str).collect()
}

/// Returns the names of the targets in alphabetical order: each is a file in `fuzz_targets`.
fn targets(fuzz: &Path) -> Result<Vec<String>> {
    let folder = fuzz.join("fuzz_targets");
    let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_suffix(".rs")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::{Compiler, Options, required_features};

    #[test]
    fn a_stable_compiler_is_used_on_request_without_a_nightly_one() {
        assert_eq!(Compiler::choose(true, false), Ok(Compiler::Nightly));
        assert_eq!(Compiler::choose(true, true), Ok(Compiler::Nightly));
        assert_eq!(Compiler::choose(false, true), Ok(Compiler::Bootstrapped));
        let error = Compiler::choose(false, false).unwrap_err();
        assert!(
            error.contains("rustup toolchain install nightly"),
            "{error}"
        );
        assert!(error.contains("RUSTC_BOOTSTRAP=1"), "{error}");
    }

    #[test]
    fn a_target_gets_the_features_that_it_needs() {
        let metadata = serde_json::json!({ "packages": [{ "targets": [
            { "name": "path" },
            { "name": "wire_message", "required-features": ["wire", "more"] },
        ]}]});
        assert_eq!(
            required_features(&metadata, "wire_message"),
            ["wire", "more"]
        );
        assert!(required_features(&metadata, "path").is_empty());
        assert!(required_features(&metadata, "none").is_empty());
    }

    fn parse(args: &[&str]) -> crate::Result<Options> {
        Options::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn targets_and_seconds_come_in_any_order() {
        let want = Options {
            targets: vec!["path".to_owned(), "grep".to_owned()],
            seconds: 5,
        };
        assert_eq!(parse(&["path", "--seconds", "5", "grep"]), Ok(want));
        assert_eq!(parse(&[]).unwrap().seconds, 60);
    }

    #[test]
    fn bad_options_are_refused() {
        for args in [
            &["--seconds"][..],
            &["--seconds", "0"],
            &["--seconds", "x"],
            &["--jobs"],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
    }
}
