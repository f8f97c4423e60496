//! The step that shows that the benchmarks run. It looks at no number.

use super::{Outcome, Run};
use crate::bench::{self, Options};
use crate::{Result, test_image};

pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome> {
    if !test_image::engine_answers() {
        let reason = "no Docker engine answers";
        return match crate::docker_is_required() {
            true => Err(reason.to_owned()),
            false => Ok(Outcome::Skipped(reason.to_owned())),
        };
    }
    bench::run(run.workspace, &Options::quick())?;
    Ok(Outcome::passed())
}
