//! The checks that protect running sandboxes, by name, so that the tests can show what each of them prevents.
//!
//! A test switches one of them off and expects a failure. Outside of tests all are on, and testing them costs nothing.

/// A safety check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// A sandbox in an unknown state is not treated as gone.
    UnknownIsNotGone,
    /// A sandbox that was stopped from outside is not marked dead.
    AsleepIsNotGone,
    /// After a failed stop, the provider is asked whether the sandbox is gone.
    AskAfterFailedStop,
    /// The permit of a sandbox that is gone is released.
    PlaceGivenBack,
    /// A request for the session triggers the next attempt.
    Nudge,
    /// A suspended sandbox is replaced only when it is certainly gone.
    NeverReplaceResting,
    /// An orphaned sandbox is destroyed only if its owner is certainly gone.
    OrphanOwner,
    /// A copied root does not take over any sandbox.
    RootIdentity,
    /// A copied record does not name a sandbox.
    RecordIdentity,
    /// A sandbox belongs to the session that its label names.
    SessionLabel,
    /// A sandbox that cannot be reached is not idle.
    SilenceIsNotIdle,
    /// The record names a sandbox before it is created.
    RecordFirst,
    /// A sandbox that cannot be reached at startup is not destroyed.
    UnreachableIsKept,
    /// The root itself is locked, in addition to the lock file.
    RootLock,
    /// A jump of the clock does not count as elapsed time.
    ClockJump,
}

/// Returns whether a check is on.
#[cfg(not(test))]
pub(crate) const fn holds(_: Guard) -> bool {
    true
}

#[cfg(test)]
thread_local! {
    static OFF: std::cell::Cell<Option<Guard>> = const { std::cell::Cell::new(None) };
}

/// Returns whether a check is on.
#[cfg(test)]
pub(crate) fn holds(guard: Guard) -> bool {
    OFF.get() != Some(guard)
}

/// Switches one check off on this thread, or none.
#[cfg(test)]
pub(crate) fn switch_off(guard: Option<Guard>) {
    OFF.set(guard);
}
