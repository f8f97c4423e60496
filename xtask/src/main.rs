//! The chores of this workspace as one program: `cargo xtask help` lists them.
//!
//! It depends only on `serde_json`, so that it builds in a second and before anything else. Please keep it that way.

#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program prints for its user"
)]

mod bench;
mod ci;
mod fuzz;
mod guest;
mod shell;
mod test_image;
mod tidy;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

const HELP: &str = "\
cargo xtask <command>

  ci [--fix] [--all] [STEP..]      run every check that a change must pass, or only the named steps;
                                   --fix formats the code instead of failing; --all also runs the tests that
                                   take long
  tidy                             check the house rules that no other tool knows (also a step of ci)
  fuzz [TARGET..] [--seconds N]    run the fuzz targets, all of them by default, for N seconds each (60);
                                   needs cargo-fuzz, and a nightly toolchain or RUSTC_BOOTSTRAP=1 for the stable one
  guest [--target TRIPLE]          build the binary that runs inside a sandbox, print its size and idle memory,
                                   and test it in an otherwise empty root
  bench [NAME..|all|docs] [--quick] [--update-docs]
                                   measure against other tools, and write target/bench/NAME.json; --quick only
                                   shows that it runs, on small inputs, installs only the original, and builds
                                   without optimisation; --update-docs writes the last measurements into
                                   docs/performance.md, and docs does only that
  test-image [--force]             make the images for the tests with Docker, from Debian's packages, if the
                                   engine does not have them; --force makes them again
  help                             print this

Variables: MODEL_SEQUENCES is the number of random sequences that the model tests run (ci: 2000);
RUST_TEST_THREADS is the number of tests that run at once (ci: two per core);
AGENT_BACKENDS_LONG=1 enables the tests that take long, and AGENT_BACKENDS_SOAK=1 the soak of sessions, as ci --all does;
SOAK_SECONDS is how long the soak breaks the engine (600; ci: 120);
AGENT_BACKENDS_REQUIRE_DOCKER=1 makes tests that need Docker fail without it, instead of being skipped;
AGENT_BACKENDS_REQUIRE_DISKS=1 does the same for tests that need root, loop devices, FUSE or a file system's tools.
";

/// The result of a chore: a text to print if it failed.
type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Whether a missing Docker is a failure instead of a skip.
fn docker_is_required() -> bool {
    std::env::var_os("AGENT_BACKENDS_REQUIRE_DOCKER").is_some_and(|value| value == "1")
}

fn run(args: &[String]) -> Result<()> {
    let (command, rest) = args
        .split_first()
        .map_or(("help", args), |(command, rest)| (command.as_str(), rest));
    match command {
        "ci" => ci::run(&Workspace::load()?, &ci::Options::parse(rest)?),
        "tidy" => tidy::run(&Workspace::load()?),
        "fuzz" => fuzz::run(&Workspace::load()?, &fuzz::Options::parse(rest)?),
        "guest" => guest::run(&Workspace::load()?, &guest::Options::parse(rest)?),
        "bench" => bench::run(&Workspace::load()?, &bench::Options::parse(rest)?),
        "test-image" => test_image::run(&Workspace::load()?, &test_image::Options::parse(rest)?),
        "help" | "-h" | "--help" => {
            print!("{HELP}");
            println!("\nSteps of ci: {}", ci::step_names().join(", "));
            println!("Benchmarks: {}", bench::names().join(", "));
            Ok(())
        }
        other => Err(format!("unknown command '{other}'; see `cargo xtask help`")),
    }
}
