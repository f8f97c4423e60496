//! A suite as a whole, checked in one call: for subjects that are too expensive for one test per law.

use std::fmt;
use std::future::Future;

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio::task::JoinError;

use crate::harness::{say, words_of};
use crate::{Area, Law, Need, Subject, areas};

/// A set of areas whose laws are checked together.
///
/// [`file_laws!`](crate::file_laws), [`read_only_laws!`](crate::read_only_laws) and
/// [`sandbox_laws!`](crate::sandbox_laws) make one test of each law. If a subject is expensive, such as a container,
/// [`check_all`](Self::check_all) checks all of them in one test:
///
/// ```
/// use backend_conformance::{Subject, Suite};
/// use backend_core::VirtualPath;
/// use backend_state::StateBackend;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// let (one, count) = (Arc::new(StateBackend::new()), AtomicU32::new(0));
/// let suite = Suite::Files;
/// suite
///     .check_all(4, || {
///         let number = count.fetch_add(1, Ordering::Relaxed);
///         let directory = VirtualPath::parse(format!("/{number}")).unwrap();
///         let subject = Subject::new(Arc::clone(&one)).directory(directory);
///         async move { subject }
///     })
///     .await;
/// # })
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Suite {
    /// The laws about files, for a writable backend.
    Files,
    /// The laws about files, for a read-only backend over a tree that [`populate`](crate::populate) made.
    ReadOnly,
    /// The laws about commands, for a sandbox.
    Commands,
}

impl Suite {
    /// Returns the areas of the suite, in the order of the contract.
    pub fn areas(self) -> impl Iterator<Item = &'static Area> {
        areas().iter().filter(move |area| area.suite == self)
    }

    /// Returns the laws of the suite.
    pub fn laws(self) -> impl Iterator<Item = &'static Law> {
        self.areas().flat_map(|area| area.laws)
    }

    /// Checks every law of the suite, each on a subject of its own, at most `at_once` at the same time. Prints what was
    /// checked and what was not.
    ///
    /// Call it within a multi-threaded tokio runtime.
    ///
    /// # Panics
    ///
    /// Panics if a law does not hold, after all were checked, and says which and why.
    pub async fn check_all<M, F, S>(self, at_once: usize, factory: M)
    where
        M: FnMut() -> F,
        F: Future<Output = S> + Send + 'static,
        S: Into<Subject> + Send + 'static,
    {
        let report = self.report(at_once, factory).await;
        say(&report.to_string());
        assert!(report.failed.is_empty(), "{report}");
    }

    /// Checks every law of the suite as [`check_all`](Self::check_all) does, and returns the results.
    pub async fn report<M, F, S>(self, at_once: usize, mut factory: M) -> Report
    where
        M: FnMut() -> F,
        F: Future<Output = S> + Send + 'static,
        S: Into<Subject> + Send + 'static,
    {
        let (mut laws, mut running) = (self.laws(), FuturesOrdered::new());
        let mut report = Report::default();
        loop {
            while running.len() < at_once.max(1)
                && let Some(law) = laws.next()
            {
                let subject = factory();
                // In a task, so that a panic ends only this law, and the laws run on all threads.
                let task = tokio::spawn(async move { check(law, subject.await.into()).await });
                running.push_back(async move { (law, task.await) });
            }
            let Some((law, ended)) = running.next().await else {
                break;
            };
            match ended {
                Ok(None) => report.checked.push(law),
                Ok(Some(need)) => report.skipped.push((law, need)),
                Err(error) => report.failed.push((law, why(error))),
            }
        }
        report
    }
}

async fn check(law: &'static Law, subject: Subject) -> Option<Need> {
    let lacks = law.lacks(&subject);
    if lacks.is_none() {
        law.check(subject).await;
    }
    lacks
}

fn why(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => words_of(&*panic),
        Err(error) => error.to_string(),
    }
}

/// The results of the laws of a suite.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Those that hold.
    pub checked: Vec<&'static Law>,
    /// Those that could not be checked, with what the subject lacks.
    pub skipped: Vec<(&'static Law, Need)>,
    /// Those that do not hold, with what was seen.
    pub failed: Vec<(&'static Law, String)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (checked, skipped) = (self.checked.len() + self.failed.len(), self.skipped.len());
        write!(f, "{checked} laws checked, {skipped} skipped")?;
        let mut needs: Vec<Need> = Vec::new();
        for (_, need) in &self.skipped {
            if !needs.contains(need) {
                needs.push(*need);
            }
        }
        for need in needs {
            write!(f, "; without {need}:")?;
            for (law, _) in self.skipped.iter().filter(|(_, lacks)| *lacks == need) {
                write!(f, " {}", law.id)?;
            }
        }
        if !self.failed.is_empty() {
            write!(f, "; {} do not hold:", self.failed.len())?;
        }
        for (law, words) in &self.failed {
            write!(f, "\n{law:?}: {words}")?;
        }
        Ok(())
    }
}
