//! The table of every phase with every transition, and the rules of a stop.

use std::sync::Arc;
use std::time::Duration;

use backend_core::{Error, SandboxId};
use tokio::sync::oneshot;

use super::{Goal, Live, Phase, Refused, Stopping, Transition, next};
use crate::Cause;
use crate::capacity::Capacity;
use crate::running::Running;
use crate::single_flight::SingleFlight;

const GOALS: [Goal; 4] = [Goal::Hibernate, Goal::MarkDead, Goal::Close, Goal::Purge];

fn live() -> Live<()> {
    let id = SandboxId::parse("s").unwrap();
    let running = Running::new(id, Arc::new(()), Duration::ZERO, false, None, None);
    Live {
        running: Arc::new(running),
        permit: Capacity::new(1, 1, 1).resident_anyway(),
    }
}

fn stopping(goal: Goal) -> Phase<()> {
    Phase::Stopping(Stopping::new(goal, Cause::Idle, SingleFlight::begin().1))
}

fn waiter() -> super::Waiter {
    oneshot::channel().0
}

/// The columns of the table, in order: each phase, and the one after it. A new phase does not compile without a place here.
fn phase_after(phase: Option<&Phase<()>>) -> Option<Phase<()>> {
    Some(match phase {
        None => Phase::Unloaded,
        Some(Phase::Unloaded) => Phase::Loading(SingleFlight::begin().1),
        Some(Phase::Loading(_)) => Phase::Known,
        Some(Phase::Known) => Phase::Starting(SingleFlight::begin().1),
        Some(Phase::Starting(_)) => Phase::Live(live()),
        Some(Phase::Live(_)) => stopping(Goal::Close),
        Some(Phase::Stopping(_)) => Phase::Hibernated,
        Some(Phase::Hibernated) => Phase::Dead,
        Some(Phase::Dead) => Phase::Closed,
        Some(Phase::Closed) => return None,
    })
}

/// The rows of the table: each transition, and the one after it. A new transition does not compile without a place here.
fn transition_after(transition: Option<&Transition<()>>) -> Option<Transition<()>> {
    use Transition as T;
    let (goal, cause) = (Goal::Close, Cause::Asked);
    Some(match transition {
        None => T::Load,
        Some(T::Load) => T::Loaded,
        Some(T::Loaded) => T::LoadFailed,
        Some(T::LoadFailed) => T::Start,
        Some(T::Start) => T::Started(live()),
        Some(T::Started(_)) => T::StartKept { open: true },
        Some(T::StartKept { open: true }) => T::StartKept { open: false },
        Some(T::StartKept { open: false }) => T::StartFailed { goal },
        Some(T::StartFailed { .. }) => T::Adopted(live()),
        Some(T::Adopted(_)) => T::Stop { goal, cause },
        Some(T::Stop { .. }) => T::Extend {
            goal: Goal::Purge,
            cause,
        },
        Some(T::Extend { .. }) => T::Hurry,
        Some(T::Hurry) => T::Reserve(waiter()),
        Some(T::Reserve(_)) => T::HandOver,
        Some(T::HandOver) => T::StopFailed(Error::unavailable("it hangs")),
        Some(T::StopFailed(_)) => T::Stopped {
            goal,
            lost: false,
            open: true,
        },
        Some(T::Stopped { .. }) => T::Vanished,
        Some(T::Vanished) => T::Lost,
        Some(T::Lost) => return None,
    })
}

/// The next phase of each; `x` where the transition is unlawful, `-` where it is ignored.
#[rustfmt::skip]
const TABLE: [(&str, [&str; 9]); 18] = [
    // from                unloaded   loading     known       starting      live        stopping    hibernated  dead        closed
    ("load",              ["loading", "x",        "x",        "x",          "x",        "x",        "x",        "x",        "x"]),
    ("be loaded",         ["x",       "known",    "x",        "x",          "x",        "x",        "x",        "x",        "x"]),
    ("fail to load",      ["x",       "unloaded", "x",        "x",          "x",        "x",        "x",        "x",        "x"]),
    ("start",             ["x",       "x",        "starting", "x",          "x",        "x",        "starting", "x",        "x"]),
    ("be started",        ["x",       "x",        "x",        "live",       "x",        "x",        "x",        "x",        "x"]),
    ("keep its sandbox",  ["x",       "x",        "x",        "hibernated", "x",        "x",        "x",        "x",        "x"]),
    ("keep its sandbox",  ["x",       "x",        "x",        "known",      "x",        "x",        "x",        "x",        "x"]),
    ("fail to start",     ["x",       "x",        "x",        "stopping",   "x",        "x",        "x",        "x",        "x"]),
    ("be adopted",        ["x",       "x",        "live",     "x",          "x",        "x",        "x",        "x",        "x"]),
    ("stop",              ["x",       "x",        "stopping", "x",          "stopping", "x",        "stopping", "stopping", "x"]),
    ("extend its stop",   ["x",       "x",        "x",        "x",          "x",        "stopping", "x",        "x",        "x"]),
    ("hurry its stop",    ["x",       "x",        "x",        "x",          "x",        "stopping", "x",        "x",        "x"]),
    ("reserve its permit",["x",       "x",        "x",        "x",          "x",        "stopping", "x",        "x",        "x"]),
    ("hand over its permit", ["x",    "x",        "x",        "x",          "x",        "stopping", "x",        "x",        "-"]),
    ("fail to stop",      ["x",       "x",        "x",        "x",          "x",        "stopping", "x",        "x",        "-"]),
    ("be stopped",        ["x",       "x",        "x",        "x",          "x",        "closed",   "x",        "x",        "-"]),
    ("vanish",            ["x",       "x",        "dead",     "x",          "x",        "x",        "dead",     "x",        "x"]),
    ("be lost",           ["x",       "x",        "x",        "closed",     "x",        "closed",   "x",        "x",        "-"]),
];

#[test]
fn every_phase_with_every_transition_is_in_the_table() {
    let mut above = None;
    for (name, cells) in TABLE {
        let mut left = None;
        for expected in cells {
            let transition = transition_after(above.as_ref()).expect("a transition for each row");
            let phase = phase_after(left.as_ref()).expect("a phase for each column");
            assert_eq!(transition.name(), name);
            let from = phase.name();
            let (phase, outcome) = next(phase, transition);
            let outcome = match outcome {
                Ok(_) => phase.name(),
                Err(_) if phase.name() != from => "a refused transition that changes the phase",
                Err(Refused::Ignored) => "-",
                Err(Refused::Unlawful) => "x",
            };
            assert_eq!(outcome, expected, "a session that is {from} can {name}");
            left = phase_after(left.as_ref());
        }
        assert!(
            phase_after(left.as_ref()).is_none(),
            "a column for each phase"
        );
        above = transition_after(above.as_ref());
    }
    assert!(
        transition_after(above.as_ref()).is_none(),
        "a row for each transition"
    );
}

#[test]
fn a_stop_is_only_extended_to_a_later_goal() {
    for (from, to) in GOALS.iter().flat_map(|from| GOALS.map(|to| (*from, to))) {
        let extend = Transition::Extend {
            goal: to,
            cause: Cause::Asked,
        };
        let (phase, outcome) = next(stopping(from), extend);
        let Phase::Stopping(stopping) = phase else {
            panic!("it is still being stopped");
        };
        assert_eq!(outcome.is_ok(), to > from);
        assert!(matches!(outcome, Ok(_) | Err(Refused::Ignored)));
        assert_eq!(stopping.goal, from.max(to));
        assert_eq!(stopping.cause == Cause::Asked, to > from);
    }
}

#[test]
fn a_stop_ends_as_its_last_goal_requires() {
    let end = |goal, lost, open| {
        let (phase, outcome) = next(stopping(goal), Transition::Stopped { goal, lost, open });
        assert!(outcome.is_ok());
        phase.name()
    };
    for open in [true, false] {
        assert_eq!(end(Goal::Hibernate, true, open), "dead");
        assert_eq!(end(Goal::MarkDead, true, open), "dead");
        assert_eq!(end(Goal::MarkDead, false, open), "hibernated");
        for lost in [true, false] {
            assert_eq!(end(Goal::Close, lost, open), "closed");
            assert_eq!(end(Goal::Purge, lost, open), "closed");
        }
    }
    assert_eq!(end(Goal::Hibernate, false, true), "hibernated");
    assert_eq!(end(Goal::Hibernate, false, false), "known");
    for goal in [Goal::Hibernate, Goal::MarkDead, Goal::Purge] {
        let stopped = Transition::Stopped {
            goal,
            lost: false,
            open: true,
        };
        let (phase, outcome) = next(stopping(Goal::Close), stopped);
        assert!(matches!(outcome, Err(Refused::Ignored)));
        assert!(matches!(phase, Phase::Stopping(_)));
    }
}

#[test]
fn one_waiter_gets_the_permit() {
    let (phase, first) = next(stopping(Goal::Hibernate), Transition::Reserve(waiter()));
    assert!(first.is_ok());
    let (phase, second) = next(phase, Transition::Reserve(waiter()));
    let refused = second.unwrap_err();
    assert!(matches!(refused, Refused::Ignored));
    let (phase, handed) = next(phase, Transition::HandOver);
    assert!(handed.unwrap().waiter.is_some());
    let (_, again) = next(phase, Transition::HandOver);
    assert!(again.unwrap().waiter.is_none());
}

#[test]
fn a_stop_that_fails_lets_its_waiters_go() {
    let (phase, _) = next(stopping(Goal::Hibernate), Transition::Reserve(waiter()));
    let (phase, hurried) = next(phase, Transition::Hurry);
    assert!(hurried.unwrap().attempt.is_some());
    let error = Error::unavailable("it hangs");
    let (phase, failed) = next(phase, Transition::StopFailed(error.clone()));
    assert!(failed.unwrap().next.is_some());
    let Phase::Stopping(stopping) = &phase else {
        panic!("it is still being stopped");
    };
    assert_eq!(stopping.stuck.as_ref().map(Error::kind), Some(error.kind()));
    assert!(stopping.waiter.is_none() && stopping.next.is_none());
}

#[tokio::test]
async fn a_stop_takes_the_sandbox_and_a_failed_start_keeps_its_waiters() {
    let (goal, cause) = (Goal::Close, Cause::Asked);
    let (_, stop) = next(Phase::Live(live()), Transition::Stop { goal, cause });
    assert!(stop.unwrap().begun.unwrap().live.is_some());
    let (_, stop) = next(Phase::<()>::Hibernated, Transition::Stop { goal, cause });
    assert!(stop.unwrap().begun.unwrap().live.is_none());
    let (phase, start) = next(Phase::<()>::Known, Transition::Start);
    let (phase, failed) = next(phase, Transition::StartFailed { goal });
    assert!(failed.unwrap().begun.is_none());
    let Phase::Stopping(stopping) = phase else {
        panic!("it is being cleared up");
    };
    start.unwrap().begun.unwrap().completion.complete(Ok(()));
    assert!(stopping.flight.outcome().await.is_ok());
}
