//! A store with very many files: sums, listings and searches of a part.

use backend_core::{Backend, BackendExt, DeleteRequest, GlobRequest, VirtualPath};
use backend_state::StateBackend;

#[tokio::test]
async fn a_store_of_a_hundred_thousand_files_works() {
    let store = StateBackend::new();
    for directory in 0..1000 {
        for file in 0..100 {
            let path = format!("/{}/{directory}/{file}.txt", directory % 10);
            store.write(path.as_str(), "needle\n").await.unwrap();
        }
    }
    assert_eq!(store.usage().files, 100_000);
    assert_eq!(store.usage().directories, 1010);
    assert_eq!(store.ls("/3/13").await.unwrap().items.len(), 100);
    let below = GlobRequest::new("**/7.txt").path(VirtualPath::parse("/4").unwrap());
    assert_eq!(store.glob_with(&below).await.unwrap().items.len(), 100);

    let fork = store.fork();
    fork.write("/3/13/7.txt", "changed").await.unwrap();
    let all = DeleteRequest::new(VirtualPath::parse("/3").unwrap()).recursive();
    assert_eq!(fork.delete_with(&all).await.unwrap().entries, 10_101);
    assert_eq!(store.read_bytes("/3/13/7.txt").await.unwrap(), "needle\n");
}
