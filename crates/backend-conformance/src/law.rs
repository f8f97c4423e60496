//! The registry: every law with its number, its sentence and what it needs.

use std::fmt;

use futures_util::future::BoxFuture;

use crate::{Subject, Workspace, laws};

/// One sentence of the contract, and the test that holds a backend to it.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Law {
    /// The letter of its area and a number. It stays what it is once published.
    pub id: &'static str,
    /// Its name, which is also the test's.
    pub name: &'static str,
    /// What holds.
    pub statement: &'static str,
    /// What a subject must offer for the law to be checked. Without it the law is skipped, and the skip is printed.
    pub needs: &'static [Need],
    pub(crate) check: for<'a> fn(&'a Workspace) -> BoxFuture<'a, ()>,
}

/// What some laws need of a [`Subject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// Symbolic links can be made, by [`Subject::links`].
    Links,
    /// Symbolic links can be made, and can lead out of the workspace: no [`Subject::links_stay_inside`].
    LinksOut,
    /// The subject is known to have paths on a host that no message may name: [`Subject::host_path`].
    HostPaths,
}

/// The laws about one subject matter.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Area {
    /// Its name, which is also that of the module with its tests.
    pub name: &'static str,
    /// What its laws are about.
    pub title: &'static str,
    /// Whether its laws are for read-only backends.
    pub read_only: bool,
    /// Its laws, in the order of their numbers.
    pub laws: &'static [Law],
}

/// Returns all areas, in the order in which the contract tells them.
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
    /// Panics if the law does not hold.
    pub async fn check(&self, subject: impl Into<Subject>) {
        let workspace = Workspace::new(subject.into());
        (self.check)(&workspace).await;
    }

    /// Returns what the subject lacks for this law to be checked.
    pub fn lacks(&self, subject: &Subject) -> Option<Need> {
        let has = |need: &Need| match need {
            Need::Links => subject.make_link.is_some(),
            Need::LinksOut => subject.make_link.is_some() && !subject.links_stay_inside,
            Need::HostPaths => !subject.host_paths.is_empty(),
        };
        self.needs.iter().copied().find(|need| !has(need))
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
        })
    }
}
