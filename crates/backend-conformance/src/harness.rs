//! What a generated test does: make a runtime and a subject, and check one law on it.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io::Write;

use futures_util::future::BoxFuture;
use tokio::runtime::Runtime;

use crate::{Report, Subject, Suite, law};

/// Makes a fresh subject.
pub type Make = fn() -> BoxFuture<'static, Subject>;

/// Calls a factory, and makes a subject of what it returns.
pub fn make<M, F, S>(factory: M) -> BoxFuture<'static, Subject>
where
    M: FnOnce() -> F,
    F: Future<Output = S> + Send + 'static,
    S: Into<Subject>,
{
    let future = factory();
    Box::pin(async move { future.await.into() })
}

/// Where a suite is used.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "only the macros make it")]
pub struct Place {
    /// The crate.
    pub package: &'static str,
    /// The module.
    pub module: &'static str,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package, self.module)
    }
}

/// Checks one law on a fresh subject, or prints that it is skipped; [`count`] prints the skip again.
///
/// # Panics
///
/// Panics if the law does not hold, or if no law has this id.
#[expect(clippy::print_stdout, reason = "a test that checks nothing says so")]
pub fn run(place: Place, id: &str, make: Make) {
    let law = law(id).expect("the law is registered");
    block_on(async {
        let subject = make().await;
        match law.lacks(&subject) {
            Some(need) => println!("{place}: {law:?}: skipped without {need}"),
            None => law.check(subject).await,
        }
    });
}

/// Prints how many laws of a suite are checked on a subject, and which are skipped.
///
/// # Panics
///
/// Panics if all would be skipped.
pub fn count(place: Place, suite: Suite, make: Make) {
    block_on(async {
        let subject = make().await;
        let mut report = Report::default();
        for law in suite.laws() {
            match law.lacks(&subject) {
                None => report.checked.push(law),
                Some(need) => report.skipped.push((law, need)),
            }
        }
        say(&format!("{place}: {report}"));
        assert!(
            !report.checked.is_empty(),
            "nothing is checked: {subject:?} lacks {:?}",
            report.skipped.first()
        );
    });
}

/// Returns what a panic said.
pub(crate) fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().cloned();
    let words = words.or_else(|| {
        let text = panic.downcast_ref::<&str>();
        text.map(|text| (*text).to_owned())
    });
    words.unwrap_or_else(|| "a panic without a message".to_owned())
}

/// Makes a runtime like that of an application, with everything enabled that the build has.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

/// Prints a line so that the test harness of the standard library shows it for a passing test too: it captures
/// what the macros print, but not what is written to the handle.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "conformance: {line}");
}
