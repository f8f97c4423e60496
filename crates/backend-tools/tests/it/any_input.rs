//! Whatever a model sends, there is a reply.

use backend_tools::{ReplyKind, Tool, Toolset};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Number, Value, json};

use crate::support::Bench;

/// Texts that mean something to one tool or another, and some that mean nothing.
fn text() -> impl Strategy<Value = String> {
    let known = select(vec![
        "",
        "/",
        "a.txt",
        "/dir/b.txt",
        "../x",
        "one",
        "\n",
        "two\nthree",
        "(",
        "[",
        "**",
        "*.txt",
        "{a,b",
        "1:aaaa",
        "0",
        "-1",
        "99999999999999999999",
        "1e999",
        "true",
        "null",
        "[]",
        "{}",
        "content",
        "replace",
        "insert_after",
        "rust",
        "\u{0}",
        "\u{1b}[2J",
        "*** Begin Patch\n*** Update File: a.txt\n@@\n-one\n+1\n*** End Patch",
        "*** Begin Patch\n*** Update File: a.txt\n*** Move to: c\n*** Delete File: /dir/b.txt\n*** End Patch",
        "*** Begin Patch\n*** Add File: n\n*** End Patch",
    ]);
    prop_oneof![known.prop_map(str::to_owned), ".{0,12}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| json!(number)),
        (0u64..5).prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            btree_map(text(), inner, 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Arguments with names that the tool knows, and values of any kind.
fn call() -> impl Strategy<Value = (Tool, Value)> {
    let tools = Bench::new().tools;
    let tool = select(Tool::ALL.to_vec());
    tool.prop_flat_map(move |tool| {
        let names: Vec<String> = tools
            .definition(tool)
            .and_then(|definition| definition.input_schema["properties"].as_object())
            .map(|properties| properties.keys().cloned().collect())
            .unwrap_or_default();
        let known = if names.is_empty() {
            btree_map(text(), value(), 0..4).boxed()
        } else {
            let edit = (text(), text(), any::<bool>()).prop_map(|(old, new, all)| {
                json!([{ "old_string": old, "new_string": new, "replace_all": all }])
            });
            let any = prop_oneof![4 => text().prop_map(Value::String), 2 => value(), 1 => edit];
            btree_map(select(names), any, 0..7).boxed()
        };
        (
            Just(tool),
            known.prop_map(|members| members.into_iter().collect()),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_call_has_a_reply_within_its_budget((tool, arguments) in call(), whole in value()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::with(&[("/a.txt", "one\ntwo\nthree\n"), ("/dir/b.txt", "two\r\n"), ("/bin", "\0")]).await;
            let tools: Toolset = bench.tools.clone();
            for arguments in [arguments, whole] {
                let reply = tools.call(tool.name(), arguments.clone()).await;
                assert!(reply.text.len() <= 30 << 10);
                assert!(!reply.text.is_empty(), "{tool} {arguments}");
                assert!(reply.structured.is_object());
                assert_ne!(reply.kind, ReplyKind::Failure, "{tool} {arguments}: {reply}");
                assert_eq!(reply.error_kind().is_none(), reply.is_ok(), "{tool} {arguments}: {reply}");
            }
        });
    }
}
