//! The sandboxes of the warm pool, by runtime: those that are ready, and how many are being created.

use std::collections::VecDeque;
use std::sync::Arc;

use backend_core::{RuntimeConfig, SandboxId};

use crate::capacity::Permit;
use crate::phase::Waiter;

/// The sandboxes that are ready, by runtime.
#[derive(Debug)]
pub(crate) struct Pool<S: ?Sized> {
    shelves: Vec<Shelf<S>>,
    /// Waiters for the permit of a sandbox that is being created.
    waiters: Vec<Waiter>,
}

#[derive(Debug)]
struct Shelf<S: ?Sized> {
    runtime: Option<RuntimeConfig>,
    target: usize,
    ready: VecDeque<Warm<S>>,
    making: usize,
}

/// A sandbox that is not assigned yet.
#[derive(Debug)]
pub(crate) struct Warm<S: ?Sized> {
    pub(crate) id: SandboxId,
    pub(crate) permit: Permit,
    pub(crate) sandbox: Arc<S>,
}

impl<S: ?Sized> Pool<S> {
    pub(crate) fn new(targets: &[(Option<RuntimeConfig>, usize)]) -> Self {
        let shelf = |(runtime, target): &(Option<RuntimeConfig>, usize)| Shelf {
            runtime: runtime.clone(),
            target: *target,
            ready: VecDeque::new(),
            making: 0,
        };
        Self {
            shelves: targets.iter().map(shelf).collect(),
            waiters: Vec::new(),
        }
    }

    /// Takes one out, of any runtime.
    pub(crate) fn take_any(&mut self) -> Option<Warm<S>> {
        let fullest = self
            .shelves
            .iter_mut()
            .max_by_key(|shelf| shelf.ready.len());
        fullest.and_then(|shelf| shelf.ready.pop_front())
    }

    /// Lets a waiter have the permit of a sandbox that is being created. Returns the waiter if none is.
    pub(crate) fn wait(&mut self, waiter: Waiter) -> Option<Waiter> {
        if self.shelves.iter().all(|shelf| shelf.making == 0) {
            return Some(waiter);
        }
        self.waiters.push(waiter);
        None
    }

    /// Returns a runtime of which the pool lacks a sandbox, and its shelf.
    pub(crate) fn lacks(&self) -> Option<(usize, Option<RuntimeConfig>)> {
        let mut shelves = self.shelves.iter().enumerate();
        let lacks = |shelf: &Shelf<S>| shelf.ready.len() + shelf.making < shelf.target;
        let (number, shelf) = shelves.find(|(_, shelf)| lacks(shelf))?;
        Some((number, shelf.runtime.clone()))
    }

    /// Records that a sandbox is being created for a shelf.
    pub(crate) fn begin(&mut self, shelf: usize) {
        if let Some(shelf) = self.shelves.get_mut(shelf) {
            shelf.making += 1;
        }
    }

    /// Records that a sandbox for a shelf was created, or could not be, and returns the waiter for its permit, if any.
    pub(crate) fn finish(&mut self, shelf: usize) -> Option<Waiter> {
        if let Some(shelf) = self.shelves.get_mut(shelf) {
            shelf.making -= 1;
        }
        self.waiters.pop()
    }

    /// Puts a sandbox onto a shelf.
    pub(crate) fn put(&mut self, shelf: usize, warm: Warm<S>) {
        if let Some(shelf) = self.shelves.get_mut(shelf) {
            shelf.ready.push_back(warm);
        }
    }

    #[cfg(test)]
    pub(crate) fn making(&self) -> usize {
        self.shelves.iter().map(|shelf| shelf.making).sum()
    }

    pub(crate) fn ready(&self) -> usize {
        self.shelves.iter().map(|shelf| shelf.ready.len()).sum()
    }

    #[cfg(test)]
    pub(crate) fn ids(&self) -> impl Iterator<Item = SandboxId> + '_ {
        let ready = self.shelves.iter().flat_map(|shelf| &shelf.ready);
        ready.map(|warm| warm.id.clone())
    }

    /// Takes one out, of a given runtime.
    pub(crate) fn take(&mut self, runtime: Option<&RuntimeConfig>) -> Option<Warm<S>> {
        let mut shelves = self.shelves.iter_mut();
        let shelf = shelves.find(|shelf| shelf.runtime.as_ref() == runtime)?;
        shelf.ready.pop_front()
    }
}
