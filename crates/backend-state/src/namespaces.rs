//! Stores by name, for programs that serve many users at once.

use std::sync::Arc;

use dashmap::DashMap;

use crate::{StateBackend, StateBackendBuilder};

/// Independent stores by name. A clone is another handle to the same stores.
///
/// Names are keys, not paths, and can be any text. Operations on different names do not block each
/// other.
///
/// # Examples
///
/// ```
/// use backend_state::StateNamespaces;
///
/// let namespaces = StateNamespaces::new();
/// let alice = namespaces.get_or_create("alice");
/// assert!(namespaces.get("bob").is_none());
/// assert_eq!(namespaces.list(), ["alice"]);
/// # drop(alice);
/// ```
#[derive(Clone, Debug)]
pub struct StateNamespaces {
    stores: Arc<DashMap<Box<str>, StateBackend>>,
    template: StateBackendBuilder,
}

impl StateNamespaces {
    /// Creates an empty set of stores, without limits for new stores.
    pub fn new() -> Self {
        Self::with_template(StateBackend::builder())
    }

    /// Creates an empty set of stores; each new store gets the limits of `template`.
    pub fn with_template(template: StateBackendBuilder) -> Self {
        Self {
            stores: Arc::new(DashMap::new()),
            template,
        }
    }

    /// Returns the store by this name, if there is one.
    pub fn get(&self, name: &str) -> Option<StateBackend> {
        self.stores.get(name).map(|store| store.value().clone())
    }

    /// Returns the store by this name, and creates it if there is none. All callers get the same
    /// one.
    pub fn get_or_create(&self, name: &str) -> StateBackend {
        if let Some(store) = self.get(name) {
            return store;
        }
        self.stores
            .entry(name.into())
            .or_insert_with(|| self.template.clone().build())
            .value()
            .clone()
    }

    /// Puts a store under a name, and returns the previous one.
    pub fn insert(&self, name: &str, store: StateBackend) -> Option<StateBackend> {
        self.stores.insert(name.into(), store)
    }

    /// Removes the store by this name from the set. Existing handles to it stay valid.
    pub fn remove(&self, name: &str) -> Option<StateBackend> {
        self.stores.remove(name).map(|(_, store)| store)
    }

    /// Returns all names, in byte order.
    pub fn list(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .stores
            .iter()
            .map(|store| String::from(&**store.key()))
            .collect();
        names.sort_unstable();
        names
    }
}

impl Default for StateNamespaces {
    fn default() -> Self {
        Self::new()
    }
}
