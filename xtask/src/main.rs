//! The chores of this workspace as one program: `cargo xtask help` lists them.
//!
//! It depends on `serde_json` alone, so that it builds in a second and before anything else does. Please keep it so.

#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program talks to the person who runs it"
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

  ci [--fix] [--all] [STEP..]      run every check that a change must pass, or only the steps named;
                                   --fix formats instead of refusing what is not formatted; --all also runs
                                   the tests that take long
  tidy                             check the house rules that no other tool knows (a step of ci too)
  fuzz [TARGET..] [--seconds N]    run the fuzz targets, all of them by default, for N seconds each (60);
                                   needs cargo-fuzz, and a nightly toolchain or RUSTC_BOOTSTRAP=1 for the stable one
  guest [--target TRIPLE]          build the binary that runs inside a sandbox, print its size and idle memory,
                                   and try it in a root that holds nothing else
  bench [NAME..|all|docs] [--quick] [--update-docs]
                                   measure beside what others offer, and write target/bench/NAME.json; --quick only
                                   shows that it runs, on small inputs, installs nothing but the original, and builds
                                   without optimisation; --update-docs puts what was last measured into
                                   docs/performance.md, and docs does that alone
  test-image [--force]             make the images that the tests with Docker run in, of Debian's packages, if the
                                   engine does not have them; --force makes them anew
  help                             print this

Variables: MODEL_SEQUENCES is how many random sequences the model tests run (ci: 2000);
RUST_TEST_THREADS is how many tests run at once (ci: two for each core);
AGENT_BACKENDS_LONG=1 makes tests run that take long, and AGENT_BACKENDS_SOAK=1 the soak of sessions, as ci --all does;
SOAK_SECONDS is how long the engine is broken in it (600; ci: 120);
AGENT_BACKENDS_REQUIRE_DOCKER=1 makes what needs Docker fail, rather than be skipped, where there is none;
AGENT_BACKENDS_REQUIRE_DISKS=1 does so for what needs root, loop devices, FUSE or a program for some file system.
";

/// What a chore comes to: a text to print if it went wrong.
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

/// Whether what needs Docker has to be run, and not to be skipped.
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
        other => Err(format!(
            "there is no command '{other}'; see `cargo xtask help`"
        )),
    }
}
