//! `cargo xtask ci`: every check that a change must pass, in one run.
//!
//! This file runs the steps and reports their results; what each step does is in the files below it. The first step that
//! fails ends the run.

mod bench;
mod examples;
mod images;
mod newcomer;
mod report;
mod soak;
mod steps;
mod test_run;

use std::time::Instant;

use crate::Result;
use crate::workspace::Workspace;
use report::{Report, seconds};

/// The options of the command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    fix: bool,
    all: bool,
    only: Vec<String>,
}

/// The result of a step that did not fail.
#[derive(Debug)]
enum Outcome {
    /// It did its work; the notes report what is worth knowing, above all partial skips.
    Passed(Vec<String>),
    /// It did nothing, for this reason.
    Skipped(String),
}

impl Outcome {
    fn passed() -> Self {
        Self::Passed(Vec::new())
    }
}

/// The state that the steps share.
#[derive(Debug)]
struct Run<'a> {
    workspace: &'a Workspace,
    fix: bool,
    /// Whether to run the tests that take long too.
    all: bool,
    images: images::Making,
    soaking: soak::Soaking,
    tests: test_run::Counts,
    /// The lines that the conformance suites printed during the tests.
    laws: Vec<String>,
}

/// A named check.
struct Step {
    name: &'static str,
    run: fn(&mut Run<'_>) -> Result<Outcome>,
}

/// In the order of the run: steps that are quick and fail most often come first.
const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        run: steps::fmt,
    },
    Step {
        name: "tidy",
        run: steps::tidy,
    },
    Step {
        name: "clippy",
        run: steps::clippy,
    },
    Step {
        name: "alone",
        run: steps::alone,
    },
    Step {
        name: "fuzz targets",
        run: steps::fuzz_targets,
    },
    Step {
        name: images::NAME,
        run: images::run,
    },
    Step {
        name: "test",
        run: test_run::tests,
    },
    Step {
        name: "law counts",
        run: test_run::law_counts,
    },
    Step {
        name: "doctest",
        run: test_run::doctests,
    },
    Step {
        name: "doc",
        run: steps::doc,
    },
    Step {
        name: "deny",
        run: steps::deny,
    },
    Step {
        name: "examples",
        run: examples::run,
    },
    Step {
        name: "newcomer",
        run: newcomer::run,
    },
    Step {
        name: "bench",
        run: bench::run,
    },
    Step {
        name: soak::NAME,
        run: soak::run,
    },
];

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self::default();
        for arg in args {
            match arg.as_str() {
                "--fix" => options.fix = true,
                "--all" => options.all = true,
                name if STEPS.iter().any(|step| step.name == name) => {
                    options.only.push(name.to_owned());
                }
                other => {
                    let names = step_names().join(", ");
                    return Err(format!(
                        "ci has no step or option '{other}'; steps: {names}"
                    ));
                }
            }
        }
        Ok(options)
    }
}

/// Returns the names that `ci` takes.
pub(crate) fn step_names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

/// Runs the steps and prints the result of each.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut run = Run {
        workspace,
        fix: options.fix,
        all: options.all,
        images: images::Making::default(),
        soaking: soak::Soaking::default(),
        tests: test_run::Counts::default(),
        laws: Vec::new(),
    };
    let mut report = Report::start();
    let chosen =
        |step: &&Step| options.only.is_empty() || options.only.iter().any(|n| n == step.name);
    let with_images = STEPS
        .iter()
        .filter(chosen)
        .any(|step| step.name == images::NAME);
    let with_soak = STEPS
        .iter()
        .filter(chosen)
        .any(|step| step.name == soak::NAME);
    for step in STEPS.iter().filter(chosen) {
        println!("\n==> {}", step.name);
        let started = Instant::now();
        // Not earlier: a run that fails immediately would have to wait for them.
        if with_images && step.name == "clippy" {
            run.images.begin(&workspace.target);
        }
        if run.all && with_soak && step.name == soak::BEGINS_WITH {
            run.soaking.begin();
        }
        let outcome = (step.run)(&mut run);
        let elapsed = started.elapsed();
        match &outcome {
            Ok(Outcome::Passed(_)) => println!("    {} passed in {}", step.name, seconds(elapsed)),
            Ok(Outcome::Skipped(reason)) => println!("    {} skipped: {reason}", step.name),
            Err(message) => println!("    {} FAILED: {message}", step.name),
        }
        let failed = outcome.is_err();
        report.add(step.name, elapsed, outcome);
        if failed {
            break;
        }
    }
    report.finish(&run.tests)
}

#[cfg(test)]
mod tests {
    use super::{Options, STEPS};

    fn parse(args: &[&str]) -> crate::Result<Options> {
        Options::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn steps_can_be_chosen_by_name() {
        let options = parse(&["--fix", "tidy", "doc"]).unwrap();
        assert!(options.fix && !options.all);
        assert_eq!(options.only, ["tidy", "doc"]);
    }

    #[test]
    fn long_tests_run_on_request() {
        let options = parse(&["--all"]).unwrap();
        assert!(options.all && options.only.is_empty());
    }

    #[test]
    fn an_unknown_step_is_rejected_with_the_known_names() {
        let error = parse(&["--fast"]).unwrap_err();
        assert!(
            error.contains("'--fast'") && error.contains("clippy"),
            "{error}"
        );
    }

    #[test]
    fn step_names_are_unique() {
        let names: std::collections::BTreeSet<_> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), STEPS.len());
    }
}
