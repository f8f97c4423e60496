//! The step that waits for the long tests of sessions: many of them, on an engine that is broken again and again.
//!
//! Most of it is waiting, so it begins when the tests are over and the compiler is busy, and ends after everything
//! else. By default the test takes ten minutes; here it is part of a run that people wait for.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Outcome, Run, seconds, test_run};
use crate::shell::Cmd;
use crate::{Result, test_image};

/// The name of the step; the run begins it before its turn.
pub(super) const NAME: &str = "soak";

/// The step before which it begins: tests are built by then.
pub(super) const BEGINS_WITH: &str = "doctest";

/// The variable that enables those tests.
const VARIABLE: &str = "AGENT_BACKENDS_SOAK";

/// The variable for their duration, and the number of seconds unless the environment sets another.
const DURATION: &str = "SOAK_SECONDS";
const SECONDS: &str = "120";

/// Tests that run alongside the other steps.
#[derive(Debug, Default)]
pub(super) struct Soaking(Option<JoinHandle<(Result<String>, Duration)>>);

impl Soaking {
    /// Begins to run them, unless that has already begun.
    pub(super) fn begin(&mut self) {
        if self.0.is_some() || !test_image::engine_answers() {
            return;
        }
        self.0 = Some(thread::spawn(|| {
            let started = Instant::now();
            // The whole workspace, so that nothing is rebuilt with other features.
            let tests = Cmd::cargo(&["test", "--workspace", "--all-features", "--test", "it"])
                .args(&["--", "soak::", "--nocapture"])
                .env(VARIABLE, "1");
            let tests = match std::env::var_os(DURATION) {
                Some(_) => tests,
                None => tests.env(DURATION, SECONDS),
            };
            (tests.run_and_keep(), started.elapsed())
        }));
    }
}

/// Waits until they have passed.
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome> {
    if !run.all {
        return Ok(Outcome::Skipped("it takes long: --all runs it".to_owned()));
    }
    run.soaking.begin();
    let Some(soaking) = run.soaking.0.take() else {
        let reason = "no Docker engine answers";
        return match crate::docker_is_required() {
            true => Err(reason.to_owned()),
            false => Ok(Outcome::Skipped(reason.to_owned())),
        };
    };
    let Ok((output, elapsed)) = soaking.join() else {
        return Err("the soak panicked".to_owned());
    };
    let counts = test_run::read_libtest(&output?);
    if !counts.any_passed() {
        return Err("there was no test to run".to_owned());
    }
    run.tests.add(counts);
    Ok(Outcome::Passed(vec![
        counts.note(),
        format!("{} alongside earlier steps", seconds(elapsed)),
    ]))
}
