//! `grep`: lines whose content matches a pattern.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::cancel::{Cancel, Stop};
use super::engine::Engine;
use super::filter::Filter;
use super::hidden::Hidden;
use super::matcher;
use super::parallel::{self, Job};
use super::partial::{Batch, PartialGrep, lock};
use super::tally::{Record, Tally};
use super::tree::{Base, Child, Opened, Tree};
use super::walk::{Dir, Excluded, Plan, Visit, walk};
use crate::{Error, GrepRequest, Grepped, Result, Skipped};

/// The maximum number of context lines on each side.
const MAX_CONTEXT: usize = 1000;

/// Returns the matching lines, in path order, then by line, and searches on up to `threads` threads.
///
/// The result does not depend on the number of threads. With one or none it starts no other thread.
///
/// # Errors
///
/// As [`Backend::grep_with`](crate::Backend::grep_with).
///
/// # Cancellation
///
/// A cancelled search stops within the current file, and returns its results so far as cut by time.
pub fn grep<T: Tree>(
    tree: &T,
    request: &GrepRequest,
    cancel: &Cancel,
    threads: usize,
) -> Result<Grepped> {
    grep_into(tree, request, cancel, threads, &PartialGrep::new())
}

/// Like [`grep`], but also keeps the results so far in `partial`.
///
/// # Errors
///
/// As [`grep`].
pub fn grep_into<T: Tree>(
    tree: &T,
    request: &GrepRequest,
    cancel: &Cancel,
    threads: usize,
    partial: &PartialGrep,
) -> Result<Grepped> {
    check(request)?;
    let matcher = matcher::compile(request)?;
    let filter = Filter::of_grep(request)?;
    let plan = Plan {
        path: &request.path,
        seen_at: &request.seen_at,
        exclude: Excluded::new(&request.exclude),
        hidden: Hidden::new(request.hidden, &filter),
        ignored: request.ignored,
        filter,
        files_only: true,
    };
    plan.check()?;
    let stop = Stop::new(cancel, request.timeout);
    match tree.base(&request.path)? {
        Base::File(_, opened) => {
            let mut engine = Engine::new(request, matcher);
            Ok(grep_file::<T>(opened, &plan, request, &mut engine, &stop))
        }
        Base::Directory(base) if threads > 1 => {
            partial.start(request);
            let search = parallel::Search {
                tree,
                plan: &plan,
                request,
                matcher: &matcher,
                stop: &stop,
                partial,
            };
            parallel::grep(&search, base, threads)
        }
        Base::Directory(base) => {
            partial.start(request);
            let mut skipped_before = Skipped::default();
            let mut alone = SingleThreaded {
                tree,
                request,
                stop: &stop,
                engine: Engine::new(request, matcher),
                partial,
                batch: partial.batch(),
                number: 0,
            };
            walk(tree, base, &plan, &stop, &mut skipped_before, &mut alone)?;
            let last = Record {
                skipped_before,
                ..Record::default()
            };
            Ok(partial.finish(last, &stop))
        }
    }
}

fn check(request: &GrepRequest) -> Result<()> {
    if request.limit == 0 {
        return Err(Error::invalid_request("the grep limit must be at least 1"));
    }
    if request.file_limit == Some(0) {
        return Err(Error::invalid_request(
            "the grep limit per file must be at least 1",
        ));
    }
    if request.before.max(request.after) > MAX_CONTEXT {
        return Err(Error::invalid_request(format!(
            "a grep shows at most {MAX_CONTEXT} lines before and after a match"
        )));
    }
    Ok(())
}

/// Searches the single file that was requested. It may be hidden or ignored, but must match the globs and types.
fn grep_file<T: Tree>(
    opened: Opened<T::Reader>,
    plan: &Plan<'_>,
    request: &GrepRequest,
    engine: &mut Engine<'_>,
    stop: &Stop<'_>,
) -> Grepped {
    let mut tally = Tally::new(request);
    let name = request.path.name().unwrap_or_default();
    let is_meant = plan
        .filter
        .start(plan.seen_at)
        .is_some_and(|progress| plan.filter.is_match(&progress, name, false));
    if is_meant && !stop.should_stop() {
        let outcome = engine.search(opened, 0, stop);
        let record = Record::new(Skipped::default(), outcome, request.output, || {
            Ok(request.path.clone())
        });
        let _ = tally.add(record);
    }
    tally.finish(stop.has_stopped())
}

/// Searches the files in the order in which the walk finds them.
struct SingleThreaded<'a, T> {
    tree: &'a T,
    request: &'a GrepRequest,
    stop: &'a Stop<'a>,
    engine: Engine<'a>,
    partial: &'a PartialGrep,
    batch: Batch,
    number: u64,
}

impl<T: Tree> Visit<T::Dir> for SingleThreaded<'_, T> {
    fn visit(
        &mut self,
        dir: &Arc<Dir<T::Dir>>,
        child: Child,
        _is_closed: bool,
        skipped_before: &mut Skipped,
    ) -> ControlFlow<()> {
        let number = self.number;
        let job = Job {
            number,
            dir: Arc::clone(dir),
            name: child.name,
            skipped_before: std::mem::take(skipped_before),
        };
        self.number += 1;
        let record = job.run(self.tree, &mut self.engine, self.request, self.stop);
        lock(&self.batch).push((number, record));
        if self.partial.put(&self.batch, self.stop) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
}
