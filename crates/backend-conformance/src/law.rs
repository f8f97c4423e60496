//! The registry: every law with its number, its sentence and what it needs.

use std::fmt;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::{Subject, Suite, Workshop, Workspace, laws};

/// One sentence of the contract, and the test that holds a backend to it.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Law {
    /// The letter of its area and a number. It never changes once published.
    pub id: &'static str,
    /// Its name, which is also the test's.
    pub name: &'static str,
    /// What holds.
    pub statement: &'static str,
    /// What a subject must offer for the law to be checked. Without it the law is skipped, and the skip is printed.
    pub needs: &'static [Need],
    pub(crate) check: Check,
}

/// How a law is checked, by its subject.
#[derive(Clone, Copy)]
pub(crate) enum Check {
    Files(for<'a> fn(&'a Workspace) -> BoxFuture<'a, ()>),
    Commands(for<'a> fn(&'a Workshop) -> BoxFuture<'a, ()>),
}

/// A requirement of some laws on a [`Subject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// Symbolic links can be made: by [`Subject::links`], or by commands that see the files.
    Links,
    /// Symbolic links can be made, and can lead out of the workspace: no [`Subject::links_stay_inside`], nor anything
    /// that makes the surroundings of the law part of the workspace.
    LinksOut,
    /// The subject is known to have paths on a host that no message may name: [`Subject::host_path`].
    HostPaths,
    /// The subject is a sandbox: [`Subject::sandbox`].
    Commands,
    /// Commands see the files of the backend: no [`Subject::files_apart`].
    SharedFiles,
    /// A path means the same to commands and to the backend: [`Subject::one_root`].
    OneRoot,
    /// Processes can be spawned: the capability `processes`.
    Processes,
    /// Processes can be given a terminal: the capability `pty`.
    Terminal,
    /// The sandbox may be stopped: no [`Subject::others_use_it`].
    Alone,
}

/// The laws about one subject matter.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Area {
    /// Its name, which is also that of the module with its tests.
    pub name: &'static str,
    /// The topic of its laws.
    pub title: &'static str,
    /// The suite that it belongs to.
    pub suite: Suite,
    /// Its laws, in the order of their numbers.
    pub laws: &'static [Law],
}

/// Returns all areas, in the order of the contract.
pub fn areas() -> &'static [Area] {
    laws::AREAS
}

/// Returns the law with this id.
pub fn law(id: &str) -> Option<&'static Law> {
    areas()
        .iter()
        .flat_map(|area| area.laws)
        .find(|law| law.id == id)
}

impl Law {
    /// Checks the law on a subject with an empty root, or, for a law of a read-only area, on one over a tree made by
    /// [`populate`](crate::populate).
    ///
    /// Call it within a multi-threaded tokio runtime: the laws about concurrency use threads of their own.
    ///
    /// # Panics
    ///
    /// Panics if the law does not hold, or is about commands and the subject is not a sandbox.
    pub async fn check(&self, subject: impl Into<Subject>) {
        let subject = subject.into();
        subject.prepare().await;
        match self.check {
            Check::Files(check) => check(&Workspace::new(subject)).await,
            Check::Commands(check) => {
                let workshop = Workshop::new(subject);
                let outcome = AssertUnwindSafe(check(&workshop)).catch_unwind().await;
                // Others may use the sandbox, whether or not the law holds.
                workshop.clean().await;
                if let Err(panic) = outcome {
                    resume_unwind(panic);
                }
            }
        }
    }

    /// Returns what the subject lacks for this law to be checked.
    pub fn lacks(&self, subject: &Subject) -> Option<Need> {
        let can = subject.backend.capabilities();
        let has = |need: &Need| match need {
            Need::Links => subject.can_link(),
            Need::LinksOut => subject.can_link() && subject.links_lead_out(),
            Need::HostPaths => !subject.host_paths.is_empty(),
            Need::Commands => subject.sandbox.is_some(),
            Need::SharedFiles => !subject.files_apart,
            Need::OneRoot => subject.one_root,
            Need::Processes => can.processes,
            Need::Terminal => can.pty,
            Need::Alone => !subject.others_use_it,
        };
        let commands: &[Need] = match self.check {
            Check::Files(_) => &[],
            Check::Commands(_) => &[Need::Commands],
        };
        commands
            .iter()
            .chain(self.needs)
            .copied()
            .find(|need| !has(need))
    }
}

impl fmt::Debug for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.name)
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Links => "symbolic links",
            Self::LinksOut => "symbolic links that lead out",
            Self::HostPaths => "paths on a host",
            Self::Commands => "commands",
            Self::SharedFiles => "commands that see the files",
            Self::OneRoot => "one root for commands and files",
            Self::Processes => "processes",
            Self::Terminal => "terminals",
            Self::Alone => "a sandbox for itself",
        })
    }
}
