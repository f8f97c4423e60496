//! The contract, by value, boxed, shared, inside a directory, on a store that was loaded, and with derived versions.

use backend_conformance::{Below, Subject};
use backend_core::{BackendExt, VirtualPath};
use backend_state::{Document, StateBackend};

backend_conformance::file_laws!(by_value, || async { StateBackend::new() });

backend_conformance::file_laws!(boxed, || async {
    Subject::new(StateBackend::new()).boxed()
});

backend_conformance::file_laws!(shared, || async {
    Subject::new(StateBackend::new()).shared()
});

backend_conformance::file_laws!(below, || async {
    let store = StateBackend::new();
    store.write("/beside.txt", "beside").await.unwrap();
    store.mkdir("/a/b").await.unwrap();
    Below::new(store, VirtualPath::parse("/a/b").unwrap())
});

backend_conformance::file_laws!(a_fork, || async { StateBackend::new().fork() });

backend_conformance::file_laws!(loaded, || async {
    StateBackend::from_document(&Document::default()).unwrap()
});

backend_conformance::file_laws!(with_derived_versions, || async {
    StateBackend::builder().derived_versions(true).build()
});
