//! What this machine supports, and why not. Features are tried rather than looked up, wherever possible.

use serde::Serialize;

mod commands;
#[cfg(feature = "docker")]
mod docker;
mod files;
mod system;

/// The status of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// It works.
    Ok,
    /// A fallback is used, or something is missing.
    Warn,
    /// It does not work.
    Fail,
}

/// The result of one check.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) status: Status,
    /// The finding.
    pub(crate) detail: String,
    /// What to do about it; `None` if there is nothing to do.
    pub(crate) advice: Option<String>,
}

impl Check {
    pub(crate) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            status: Status::Ok,
            detail: detail.into(),
            advice: None,
        }
    }

    pub(crate) fn warn(
        name: &'static str,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            name,
            status: Status::Warn,
            detail: detail.into(),
            advice: Some(advice.into()),
        }
    }

    pub(crate) fn fail(
        name: &'static str,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            status: Status::Fail,
            ..Self::warn(name, detail, advice)
        }
    }
}

/// Checks this machine. Without an engine there are no containers, which is a failure only if `wants_container`.
pub(crate) async fn checks(wants_container: bool) -> Vec<Check> {
    #[cfg_attr(
        not(feature = "docker"),
        allow(unused_mut, reason = "there is nothing to add")
    )]
    let mut checks = vec![
        system::kernel(),
        system::user(),
        system::cgroups(),
        files::confinement().await,
        files::handles(),
        commands::local().await,
    ];
    #[cfg(feature = "docker")]
    checks.extend([docker::engine(wants_container).await, docker::guest()]);
    #[cfg(not(feature = "docker"))]
    let _ = wants_container;
    checks
}
