//! A wrapper that refuses changes.

use std::sync::Arc;

use backend_core::{Backend, BackendExt, ReadOnly};
use backend_state::StateBackend;

async fn populated() -> StateBackend {
    let store = StateBackend::new();
    backend_conformance::populate(&store).await.unwrap();
    store
}

mod conformance {
    use super::{ReadOnly, populated};

    backend_conformance::read_only_laws!(state, || async { ReadOnly::new(populated().await) });
}

#[tokio::test]
async fn the_wrapped_backend_itself_can_still_change() {
    let store = Arc::new(StateBackend::new());
    let files = ReadOnly::new(Arc::clone(&store));
    store.write("/f", "text").await.unwrap();
    assert_eq!(files.read("/f").await.unwrap().text, "text");
    assert!(files.capabilities().read_only && !store.capabilities().read_only);
}
