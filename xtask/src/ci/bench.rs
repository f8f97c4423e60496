//! The step that shows that the benchmarks run. It does not check any number.

use super::{Outcome, Run};
use crate::bench::{self, Options};
use crate::{Result, test_image};

/// The benchmark that needs an engine.
const DOCKER: &str = "docker";

pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome> {
    let engine = test_image::engine_answers();
    let reason = "no Docker engine answers";
    if !engine && crate::docker_is_required() {
        return Err(reason.to_owned());
    }
    let names: Vec<&str> = bench::names()
        .into_iter()
        .filter(|name| engine || *name != DOCKER)
        .collect();
    bench::run(run.workspace, &Options::quick(&names))?;
    Ok(if engine {
        Outcome::passed()
    } else {
        Outcome::Passed(vec![format!("without {DOCKER}: {reason}")])
    })
}
