//! Tool calls as a model might make them: any bytes are arguments or an error, and every call has a reply.

use std::sync::{Arc, LazyLock};

use arbitrary::{Result, Unstructured};
use backend_tools::{Reply, ReplyKind, Tool, Toolset};
use serde_json::{Map, Value, json};

use crate::now::now;
use crate::tree::{NAMES, Tree};
use crate::words;

/// The budget of a reply, small enough that some replies exceed it.
const BUDGET: usize = 2048;

/// The lines of patches.
const PATCH_WORDS: &[&str] = &[
    "*** Begin Patch\n",
    "*** End Patch\n",
    "*** Update File: a\n",
    "*** Update File: b.txt\n",
    "*** Add File: src/a\n",
    "*** Delete File: a.rs\n",
    "*** Move to: A\n",
    "*** End of File\n",
    "@@\n",
    "@@ a\n",
    "@@ -1,2 +1,2 @@\n",
    "-a\n",
    "+a\n",
    " a\n",
    "-ab\n",
    "+b\r\n",
    " \n",
    "\n",
    "-",
    "+",
    "é",
];

/// The members that each tool takes, from its schema.
static MEMBERS: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let tools = Toolset::new(Arc::new(backend_state::StateBackend::new()));
    let of = |tool: &Tool| {
        let schema = &tools.definition(*tool)?.input_schema;
        let members = schema.get("properties")?.as_object()?;
        Some(members.keys().cloned().collect())
    };
    Tool::ALL
        .iter()
        .map(|tool| of(tool).unwrap_or_default())
        .collect()
});

/// Takes a small workspace and a few calls, one after the other.
pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(tree) = Tree::arbitrary(&mut u, 6, words::CONTENT) else {
        return;
    };
    let tools = Toolset::builder(Arc::new(tree.backend))
        .reply_bytes(BUDGET)
        .build();
    for _ in 0..8 {
        let Ok(reply) = call(&tools, &mut u) else {
            return;
        };
        check(&reply);
        if u.is_empty() {
            return;
        }
    }
}

fn call(tools: &Toolset, u: &mut Unstructured<'_>) -> Result<Reply> {
    let index = u.choose_index(Tool::ALL.len())?;
    let (tool, members) = (Tool::ALL[index], &MEMBERS[index]);
    Ok(match u.int_in_range(0..=15_u8)? {
        // An unknown tool name, and a text that may be JSON.
        0 => now(tools.call(u.arbitrary()?, Value::Null)),
        1 | 2 => now(tools.call_text(tool.name(), u.arbitrary()?)),
        3 => now(tools.call(tool.name(), any(u, 3)?)),
        _ => {
            let mut arguments = Map::new();
            for member in members {
                if u.ratio(2, 3)? {
                    arguments.insert(member.clone(), argument(u, member)?);
                }
            }
            if u.ratio(1, 32)? {
                arguments.insert(u.arbitrary()?, any(u, 2)?);
            }
            now(tools.call(tool.name(), Value::Object(arguments)))
        }
    })
}

/// Makes a value for a member, which is sometimes invalid.
fn argument(u: &mut Unstructured<'_>, member: &str) -> Result<Value> {
    if u.ratio(1, 24)? {
        return any(u, 2);
    }
    Ok(match member {
        "path" | "from" | "to" => json!(path(u)?),
        "paths" => json!([path(u)?, path(u)?]),
        "content" | "old_string" | "new_string" | "text" => {
            json!(words::text(u, words::CONTENT, 6)?)
        }
        "edits" => edits(u)?,
        "patch" => {
            let body = words::text(u, PATCH_WORDS, 12)?;
            json!(format!("*** Begin Patch\n{body}\n*** End Patch"))
        }
        "pattern" | "glob" => json!(words::text(
            u,
            &["a", "*", "**", "/", ".", "[", "]", "(", "{", "}", "!", "|"],
            5
        )?),
        "type" => json!(u.choose(&["rust", "py", ""])?),
        "output_mode" => json!(u.choose(&["content", "files_with_matches", "count"])?),
        "offset" | "limit" | "context" => json!(words::number(u)?),
        _ => json!(u.arbitrary::<bool>()?),
    })
}

fn path(u: &mut Unstructured<'_>) -> Result<String> {
    let slash = if u.arbitrary()? { "/" } else { "" };
    let (first, second) = (u.choose(NAMES)?, u.choose(NAMES)?);
    Ok(match u.int_in_range(0..=7_u8)? {
        0 => format!("{slash}{first}/{second}"),
        1 => u.arbitrary()?,
        2 => slash.to_owned(),
        _ => format!("{slash}{first}"),
    })
}

fn edits(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut edits = Vec::new();
    for _ in 0..u.int_in_range(0..=3_u8)? {
        let (old, new) = (
            words::text(u, words::CONTENT, 3)?,
            words::text(u, words::CONTENT, 3)?,
        );
        edits.push(if u.arbitrary()? {
            json!({ "old_string": old, "new_string": new, "replace_all": u.arbitrary::<bool>()? })
        } else {
            let line = format!(
                "{}:{}",
                words::number(u)?,
                backend_core::text::line_hash(&old)
            );
            let op = u.choose(&["replace", "delete", "insert_before", "insert_after"])?;
            json!({ "op": op, "line": line, "text": new })
        });
    }
    Ok(Value::Array(edits))
}

/// Makes any JSON, with at most this depth.
fn any(u: &mut Unstructured<'_>, depth: u8) -> Result<Value> {
    let most = if depth == 0 { 4 } else { 6 };
    Ok(match u.int_in_range(0..=most)? {
        0_u8 => Value::Null,
        1 => json!(u.arbitrary::<bool>()?),
        2 => json!(u.arbitrary::<i64>()?),
        3 => json!(u.arbitrary::<f64>()?),
        4 => json!(u.arbitrary::<String>()?),
        5 => json!([any(u, depth - 1)?, any(u, depth - 1)?]),
        _ => json!({ u.arbitrary::<String>()?: any(u, depth - 1)? }),
    })
}

/// A reply is not empty and within its budget, and a store in memory never fails.
fn check(reply: &Reply) {
    assert!(!reply.text.is_empty(), "{reply:?}");
    assert!(
        reply.text.len() <= BUDGET,
        "{} bytes: {reply:?}",
        reply.text.len()
    );
    assert!(reply.structured.is_object(), "{reply:?}");
    assert_eq!(reply.is_ok(), reply.error_kind().is_none(), "{reply:?}");
    assert_ne!(reply.kind, ReplyKind::Failure, "{reply:?}");
}
