//! What a generated test does: make a runtime and a subject, and check one law on it.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write;

use futures_util::future::BoxFuture;
use tokio::runtime::Runtime;

use crate::{Law, Need, Subject, areas, law};

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

/// Checks one law on a fresh subject, or prints that it is skipped, where [`count`] prints it once more.
///
/// # Panics
///
/// Panics if the law does not hold, or there is none with this id.
#[expect(clippy::print_stdout, reason = "a test that checks nothing says so")]
pub fn run(id: &str, make: Make) {
    let law = law(id).expect("the law is registered");
    block_on(async {
        let subject = make().await;
        match law.lacks(&subject) {
            Some(need) => println!("{law:?}: skipped without {need}"),
            None => law.check(subject).await,
        }
    });
}

/// Prints how many laws of the writable or the read-only areas are checked on a subject, and which are skipped.
pub fn count(suite: &str, read_only: bool, make: Make) {
    let lacking = block_on(async {
        let subject = make().await;
        let of_suite = areas().iter().filter(|area| area.read_only == read_only);
        let laws = of_suite.flat_map(|area| area.laws);
        laws.map(|law| (law, law.lacks(&subject))).collect()
    });
    say(&format!("{suite}: {}", summary(lacking)));
}

/// Says how many laws are checked, and which are not, by what they need.
fn summary(laws: Vec<(&Law, Option<Need>)>) -> String {
    let mut skipped: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut checked = 0;
    for (law, lacks) in laws {
        match lacks {
            None => checked += 1,
            Some(need) => skipped.entry(need.to_string()).or_default().push(law.id),
        }
    }
    let count: usize = skipped.values().map(Vec::len).sum();
    let mut summary = format!("{checked} laws checked, {count} skipped");
    for (need, ids) in skipped {
        summary += &format!("; without {need}: {}", ids.join(" "));
    }
    summary
}

/// Makes a runtime like that of an application, with everything on that the build has.
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

/// Prints a line so that the test harness of the standard library shows it for a test that passes too: it captures
/// what the macros print, and not what is written to the handle.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "conformance: {line}");
}
