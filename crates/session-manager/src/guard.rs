//! The checks that keep what lives alive, by name, so that the tests can show what each of them is there for.
//!
//! A test switches one of them off and expects a failure. Elsewhere all hold, and asking costs nothing.

/// A check that something depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// A sandbox of which nothing can be told is not taken to be gone.
    UnknownIsNotGone,
    /// A sandbox that was stopped from outside is not buried.
    AsleepIsNotGone,
    /// A sandbox that is gone is told by whoever runs it, after a stop that failed.
    AskAfterFailedStop,
    /// The place of a sandbox that is gone is given back.
    PlaceGivenBack,
    /// Somebody who asks hurries the next attempt.
    Nudge,
    /// A sandbox at rest is replaced only when it is certainly gone.
    NeverReplaceResting,
    /// A sandbox of nobody is destroyed only if its owner is certainly gone.
    OrphanOwner,
    /// A root that is a copy takes over nothing.
    RootIdentity,
    /// A record that was copied does not name a sandbox.
    RecordIdentity,
    /// A sandbox is the session's that its label names.
    SessionLabel,
    /// A sandbox that cannot be asked is not idle.
    SilenceIsNotIdle,
    /// The record names a sandbox before it is made.
    RecordFirst,
    /// A sandbox that cannot be reached at the start is not ended.
    UnreachableIsKept,
    /// The root has its own lock besides that of the lock file.
    RootLock,
    /// A jump of the clock is no time that passed.
    ClockJump,
}

/// Returns whether a check is made.
#[cfg(not(test))]
pub(crate) const fn holds(_: Guard) -> bool {
    true
}

#[cfg(test)]
thread_local! {
    static OFF: std::cell::Cell<Option<Guard>> = const { std::cell::Cell::new(None) };
}

/// Returns whether a check is made.
#[cfg(test)]
pub(crate) fn holds(guard: Guard) -> bool {
    OFF.get() != Some(guard)
}

/// Switches a check off on this thread, or none.
#[cfg(test)]
pub(crate) fn switch_off(guard: Option<Guard>) {
    OFF.set(guard);
}
