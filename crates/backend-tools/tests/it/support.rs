//! A toolset over files in memory, and comparison with golden files.

use std::path::PathBuf;
use std::sync::Arc;

use backend_core::{Backend, BackendExt};
use backend_state::StateBackend;
use backend_tools::{Reply, ReplyKind, Toolset};
use serde_json::Value;

/// Files in memory, and tools for them.
#[derive(Debug)]
pub(crate) struct Bench {
    pub files: Arc<StateBackend>,
    pub tools: Toolset,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let files = Arc::new(StateBackend::new());
        let tools = Toolset::new(Arc::clone(&files) as Arc<dyn Backend>);
        Self { files, tools }
    }

    pub(crate) async fn with(entries: &[(&str, &str)]) -> Self {
        let bench = Self::new();
        for (path, content) in entries {
            bench.put(path, content).await;
        }
        bench
    }

    /// Writes without the tools, as another program would.
    pub(crate) async fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        self.files.write(path, content).await.unwrap();
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let bytes = self.files.read_bytes(path).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    pub(crate) async fn call(&self, name: &str, arguments: Value) -> Reply {
        self.tools.call(name, arguments).await
    }

    #[track_caller]
    pub(crate) fn ok(&self, name: &str, arguments: Value) -> impl Future<Output = Reply> {
        let caller = std::panic::Location::caller();
        let call = self.tools.clone();
        let name = name.to_owned();
        async move {
            let reply = call.call(&name, arguments).await;
            assert!(reply.is_ok(), "{caller}: {}: {}", reply.kind, reply.text);
            reply
        }
    }

    pub(crate) async fn mistake(&self, name: &str, arguments: Value) -> Reply {
        let reply = self.call(name, arguments).await;
        assert_eq!(reply.kind, ReplyKind::Mistake, "{}", reply.text);
        reply
    }
}

/// Compares a text with a file of `tests/it/golden`, or writes it with `UPDATE_GOLDEN=1`.
#[track_caller]
pub(crate) fn check_golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        wanted == text,
        "golden/{name} has changed; look at the difference after UPDATE_GOLDEN=1 cargo test -p backend-tools:\n{}",
        first_difference(&wanted, text)
    );
}

fn first_difference(wanted: &str, got: &str) -> String {
    let (mut wanted, mut got) = (wanted.lines(), got.lines());
    for number in 1.. {
        match (wanted.next(), got.next()) {
            (None, None) => break,
            (wanted, got) if wanted == got => {}
            (wanted, got) => {
                return format!(
                    "line {number}:\n- {}\n+ {}",
                    wanted.unwrap_or("(end)"),
                    got.unwrap_or("(end)")
                );
            }
        }
    }
    "in line endings".to_owned()
}

/// Writes JSON with sorted keys.
pub(crate) fn pretty(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let mut keys: Vec<_> = members.keys().collect();
                keys.sort_unstable();
                let members = keys
                    .into_iter()
                    .map(|key| (key.clone(), sorted(&members[key])));
                Value::Object(members.collect())
            }
            Value::Array(items) => items.iter().map(sorted).collect(),
            other => other.clone(),
        }
    }
    serde_json::to_string_pretty(&sorted(value)).unwrap()
}
