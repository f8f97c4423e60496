//! The phase of a session, and the only code that changes it: [`next`] takes a phase and a transition to the next phase.
//!
//! It does no I/O, takes no locks and has no clock. The caller holds the entry's lock, and acts on the returned [`Effects`].

use std::sync::Arc;

use backend_core::{Error, Result};
use tokio::sync::{Notify, oneshot};

use crate::Cause;
use crate::capacity::Permit;
use crate::running::Running;
use crate::single_flight::{Completion, SingleFlight};

#[cfg(test)]
mod tests;

/// Gets the permit of a sandbox that is being stopped.
pub(crate) type Waiter = oneshot::Sender<Permit>;

/// The phase of a session.
#[derive(Debug)]
pub(crate) enum Phase<S: ?Sized> {
    /// Not checked yet whether it is stored.
    Unloaded,
    /// Its record is being read.
    Loading(SingleFlight),
    /// It is stored and closed or, without a profile, the id is unused.
    Known,
    /// A sandbox is being started.
    Starting(SingleFlight),
    /// It has a sandbox.
    Live(Live<S>),
    /// Its sandbox is being stopped, or its files are being removed.
    Stopping(Stopping),
    /// It has no running sandbox, and resumes with the next use.
    Hibernated,
    /// Its sandbox died and its files are lost. It stays dead until it is released.
    Dead,
    /// It was released. The entry is no longer in the table.
    Closed,
}

/// A running sandbox of a session, with its permit.
#[derive(Debug)]
pub(crate) struct Live<S: ?Sized> {
    pub(crate) running: Arc<Running<S>>,
    pub(crate) permit: Permit,
}

/// A stop in progress.
#[derive(Debug)]
pub(crate) struct Stopping {
    pub(crate) goal: Goal,
    pub(crate) cause: Cause,
    pub(crate) flight: SingleFlight,
    /// The waiter that gets the sandbox's permit.
    pub(crate) waiter: Option<Waiter>,
    /// Why it failed, set once enough attempts failed to report it to the waiting callers.
    pub(crate) stuck: Option<Error>,
    /// Triggers the next attempt.
    pub(crate) nudge: Arc<Notify>,
    /// The callers that wait for the next attempt.
    next: Option<(Completion, SingleFlight)>,
}

/// The target state of a session whose sandbox is being stopped. A later variant includes the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Goal {
    /// Hibernated until the next use.
    Hibernate,
    /// Its sandbox died: hibernated if it has stored files, dead otherwise.
    MarkDead,
    /// Closed. Its files stay.
    Close,
    /// Closed, and its files are removed.
    Purge,
}

/// What happened to a session, or is requested of it.
#[derive(Debug)]
pub(crate) enum Transition<S: ?Sized> {
    /// Its record has to be read. Begins work.
    Load,
    /// Its record was read.
    Loaded,
    /// Its record could not be read.
    LoadFailed,
    /// It needs a sandbox. Begins work.
    Start,
    /// Its sandbox was started.
    Started(Live<S>),
    /// The start failed and changed nothing; the session is as open as it was.
    StartKept { open: bool },
    /// The start failed, and what it left behind has to be cleared up.
    StartFailed { goal: Goal },
    /// The running sandbox of an earlier manager was taken over.
    Adopted(Live<S>),
    /// Its sandbox has to be stopped, or its files removed. Begins work.
    Stop { goal: Goal, cause: Cause },
    /// The stop in progress has to go further, if it does not already.
    Extend { goal: Goal, cause: Cause },
    /// A caller waits for the next attempt of the stop.
    Hurry,
    /// A caller waits for the permit.
    Reserve(Waiter),
    /// The sandbox is gone, and the waiter may have its permit.
    HandOver,
    /// Several attempts to stop the sandbox failed.
    StopFailed(Error),
    /// What the goal requires was done. `lost` says whether the files are lost, `open` whether the session is open.
    Stopped { goal: Goal, lost: bool, open: bool },
    /// The sandbox of a session that is not live is gone, with its files.
    Vanished,
    /// The task of a start or stop is lost.
    Lost,
}

/// What a transition asks of the caller.
#[derive(Debug)]
pub(crate) struct Effects<S: ?Sized> {
    /// The work that begins.
    pub(crate) begun: Option<Begun<S>>,
    /// The completion for callers that wait for the next attempt of a stop.
    pub(crate) next: Option<Completion>,
    /// The waiter for the permit.
    pub(crate) waiter: Option<Waiter>,
    /// The attempt to wait for.
    pub(crate) attempt: Option<SingleFlight>,
}

/// Work that begins with a phase: one task does it, all others wait for it.
#[derive(Debug)]
pub(crate) struct Begun<S: ?Sized> {
    pub(crate) completion: Completion,
    pub(crate) flight: SingleFlight,
    /// The sandbox that the session had until now.
    pub(crate) live: Option<Live<S>>,
}

/// A refused transition. The phase stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is outdated or already the case.
    Ignored,
    /// It cannot happen in this phase.
    Unlawful,
}

impl<S: ?Sized> Effects<S> {
    const fn none() -> Self {
        Self {
            begun: None,
            next: None,
            waiter: None,
            attempt: None,
        }
    }

    /// Begins work, and returns what to wait for.
    fn begin(live: Option<Live<S>>) -> (SingleFlight, Self) {
        let (completion, flight) = SingleFlight::begin();
        let begun = Some(Begun {
            completion,
            flight: flight.clone(),
            live,
        });
        (
            flight,
            Self {
                begun,
                ..Self::none()
            },
        )
    }
}

impl Stopping {
    fn new(goal: Goal, cause: Cause, flight: SingleFlight) -> Self {
        Self {
            goal,
            cause,
            flight,
            waiter: None,
            stuck: None,
            nudge: Arc::default(),
            next: None,
        }
    }
}

/// The phase of an entry. It can be read, and changed only by a transition.
#[derive(Debug)]
pub(crate) struct Machine<S: ?Sized>(Phase<S>);

impl<S: ?Sized> Machine<S> {
    /// Starts with an id whose record, if any, has to be read, or with one that needs no reading.
    pub(crate) fn new(stored: bool) -> Self {
        Self(if stored {
            Phase::Unloaded
        } else {
            Phase::Known
        })
    }

    pub(crate) fn phase(&self) -> &Phase<S> {
        &self.0
    }

    /// Applies a transition.
    ///
    /// # Errors
    ///
    /// [`Refused`], and the phase stays as it is.
    pub(crate) fn apply(&mut self, transition: Transition<S>) -> Result<Effects<S>, Refused> {
        let (name, from) = (transition.name(), self.0.name());
        let (phase, outcome) = next(std::mem::replace(&mut self.0, Phase::Closed), transition);
        self.0 = phase;
        debug_assert!(
            !matches!(outcome, Err(Refused::Unlawful)),
            "a session cannot {name} while it is {from}"
        );
        outcome
    }

    /// Applies a transition that begins work.
    ///
    /// # Errors
    ///
    /// `internal` if it is refused.
    pub(crate) fn begin(&mut self, transition: Transition<S>) -> Result<Begun<S>> {
        let (name, from) = (transition.name(), self.0.name());
        match self.apply(transition) {
            Ok(Effects {
                begun: Some(begun), ..
            }) => Ok(begun),
            _ => Err(Error::internal(
                None,
                format!("a session cannot {name} while it is {from}"),
            )),
        }
    }
}

impl<S: ?Sized> Phase<S> {
    /// Returns its name, for messages.
    const fn name(&self) -> &'static str {
        match self {
            Self::Unloaded => "unloaded",
            Self::Loading(_) => "loading",
            Self::Known => "known",
            Self::Starting(_) => "starting",
            Self::Live(_) => "live",
            Self::Stopping(_) => "stopping",
            Self::Hibernated => "hibernated",
            Self::Dead => "dead",
            Self::Closed => "closed",
        }
    }
}

impl<S: ?Sized> Transition<S> {
    /// Returns its name, for messages.
    const fn name(&self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Loaded => "be loaded",
            Self::LoadFailed => "fail to load",
            Self::Start => "start",
            Self::Started(_) => "be started",
            Self::StartKept { .. } => "keep its sandbox",
            Self::StartFailed { .. } => "fail to start",
            Self::Adopted(_) => "be adopted",
            Self::Stop { .. } => "stop",
            Self::Extend { .. } => "extend its stop",
            Self::Hurry => "hurry its stop",
            Self::Reserve(_) => "reserve its permit",
            Self::HandOver => "hand over its permit",
            Self::StopFailed(_) => "fail to stop",
            Self::Stopped { .. } => "be stopped",
            Self::Vanished => "vanish",
            Self::Lost => "be lost",
        }
    }
}

/// Returns the next phase, and what the transition asks of the caller.
fn next<S: ?Sized>(
    phase: Phase<S>,
    transition: Transition<S>,
) -> (Phase<S>, Result<Effects<S>, Refused>) {
    let none = Ok(Effects::none());
    match (phase, transition) {
        (Phase::Unloaded, Transition::Load) => {
            let (flight, effects) = Effects::begin(None);
            (Phase::Loading(flight), Ok(effects))
        }
        (Phase::Loading(_), Transition::Loaded) => (Phase::Known, none),
        (Phase::Loading(_), Transition::LoadFailed) => (Phase::Unloaded, none),

        (Phase::Known | Phase::Hibernated, Transition::Start) => {
            let (flight, effects) = Effects::begin(None);
            (Phase::Starting(flight), Ok(effects))
        }
        (Phase::Starting(_), Transition::Started(live)) => (Phase::Live(live), none),
        (Phase::Starting(_), Transition::StartKept { open: true }) => (Phase::Hibernated, none),
        (Phase::Starting(_), Transition::StartKept { open: false }) => (Phase::Known, none),
        (Phase::Starting(flight), Transition::StartFailed { goal }) => {
            // The callers that wait for the start wait until it is cleared up.
            let stopping = Stopping::new(goal, Cause::Asked, flight);
            (Phase::Stopping(stopping), none)
        }
        (Phase::Known, Transition::Adopted(live)) => (Phase::Live(live), none),

        (
            before @ (Phase::Known | Phase::Live(_) | Phase::Hibernated | Phase::Dead),
            Transition::Stop { goal, cause },
        ) => {
            let live = match before {
                Phase::Live(live) => Some(live),
                _ => None,
            };
            let (flight, effects) = Effects::begin(live);
            let stopping = Stopping::new(goal, cause, flight);
            (Phase::Stopping(stopping), Ok(effects))
        }
        (Phase::Stopping(stopping), transition) => while_stopping(stopping, transition),

        (Phase::Known | Phase::Hibernated, Transition::Vanished) => (Phase::Dead, none),
        (Phase::Starting(_), Transition::Lost) => (Phase::Closed, none),
        // The task was lost, and what it still reports does not count.
        (
            Phase::Closed,
            Transition::HandOver
            | Transition::StopFailed(_)
            | Transition::Stopped { .. }
            | Transition::Lost,
        ) => (Phase::Closed, Err(Refused::Ignored)),
        (phase, _) => (phase, Err(Refused::Unlawful)),
    }
}

/// Returns the next phase of a session whose sandbox is being stopped.
fn while_stopping<S: ?Sized>(
    mut stopping: Stopping,
    transition: Transition<S>,
) -> (Phase<S>, Result<Effects<S>, Refused>) {
    let mut effects = Effects::none();
    match transition {
        Transition::Extend { goal, cause } if goal > stopping.goal => {
            stopping.goal = goal;
            stopping.cause = cause;
        }
        Transition::Hurry => {
            let (_, flight) = stopping.next.get_or_insert_with(SingleFlight::begin);
            effects.attempt = Some(flight.clone());
        }
        Transition::Reserve(waiter) if stopping.waiter.is_none() => stopping.waiter = Some(waiter),
        Transition::HandOver => effects.waiter = stopping.waiter.take(),
        Transition::StopFailed(error) => {
            stopping.stuck = Some(error);
            // It has to find another sandbox.
            stopping.waiter = None;
            effects.next = stopping.next.take().map(|(next, _)| next);
        }
        Transition::Stopped { goal, lost, open } if goal == stopping.goal => {
            effects.next = stopping.next.take().map(|(next, _)| next);
            let next = match goal {
                Goal::Hibernate | Goal::MarkDead if lost => Phase::Dead,
                Goal::Hibernate if !open => Phase::Known,
                Goal::Hibernate | Goal::MarkDead => Phase::Hibernated,
                Goal::Close | Goal::Purge => Phase::Closed,
            };
            return (next, Ok(effects));
        }
        Transition::Lost => return (Phase::Closed, Ok(effects)),
        Transition::Extend { .. } | Transition::Reserve(_) | Transition::Stopped { .. } => {
            return (Phase::Stopping(stopping), Err(Refused::Ignored));
        }
        _ => return (Phase::Stopping(stopping), Err(Refused::Unlawful)),
    }
    (Phase::Stopping(stopping), Ok(effects))
}
