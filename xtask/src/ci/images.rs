//! The step that makes sure that the engine has the images that the tests run in.
//!
//! They are made of packages that come over the network, so this begins when the compiler will be busy for long, and ends
//! before the tests.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Outcome, Run, seconds};
use crate::Result;
use crate::test_image::{self, Options};

/// The name of the step; the run begins it before its turn.
pub(super) const NAME: &str = "test images";

/// Images that are being made alongside the other steps.
#[derive(Debug, Default)]
pub(super) struct Making(Option<JoinHandle<(Result<Vec<String>>, Duration)>>);

impl Making {
    /// Begins to make them, unless that has already begun.
    pub(super) fn begin(&mut self, target: &std::path::Path) {
        if self.0.is_some() || !test_image::engine_answers() {
            return;
        }
        let target = target.to_owned();
        self.0 = Some(thread::spawn(move || {
            let started = Instant::now();
            (
                test_image::make(&target, &Options::default()),
                started.elapsed(),
            )
        }));
    }
}

/// Waits until the images exist.
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome> {
    run.images.begin(&run.workspace.target);
    let Some(making) = run.images.0.take() else {
        let reason = "no Docker engine answers";
        return match crate::docker_is_required() {
            true => Err(reason.to_owned()),
            false => Ok(Outcome::Skipped(reason.to_owned())),
        };
    };
    let Ok((made, elapsed)) = making.join() else {
        return Err("making the images panicked".to_owned());
    };
    let mut notes = made?;
    notes.push(format!("{} alongside earlier steps", seconds(elapsed)));
    Ok(Outcome::Passed(notes))
}
