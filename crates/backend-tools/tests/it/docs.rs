//! `docs/tools.md` matches the definition of every tool.
//!
//! `UPDATE_GOLDEN=1 cargo test -p backend-tools` rewrites that part of it.

use std::fmt::Write as _;
use std::path::PathBuf;

use backend_tools::{ToolDefinition, Toolset};
use serde_json::Value;

use crate::fakes::sandbox;

const BEGIN: &str = "<!-- tools: begin -->\n";
const END: &str = "<!-- tools: end -->\n";

fn section(definition: &ToolDefinition) -> String {
    let mut text = format!("\n### `{}`\n\n", definition.name);
    match definition.description.split_once("\n*** Begin Patch") {
        Some((before, after)) => {
            let (patch, after) = after.split_once("\n*** End Patch\n").unwrap();
            writeln!(
                text,
                "{before}\n\n```text\n*** Begin Patch{patch}\n*** End Patch\n```\n\n{after}\n"
            )
            .unwrap();
        }
        None => writeln!(text, "{}\n", definition.description).unwrap(),
    }
    let schema = &definition.input_schema;
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        text.push_str("It takes no arguments.\n");
        return text;
    };
    text.push_str("| argument | type | |\n|---|---|---|\n");
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut names: Vec<&str> = properties.keys().map(String::as_str).collect();
    names.sort_by_key(|name| (!required.contains(name), *name));
    for name in names {
        row(&mut text, name, &properties[name], required.contains(&name));
        let items = properties[name]
            .pointer("/items/properties")
            .and_then(Value::as_object);
        for (member, schema) in items.into_iter().flatten() {
            let required = properties[name].pointer("/items/required").unwrap();
            let required = required
                .as_array()
                .unwrap()
                .iter()
                .any(|one| one == member.as_str());
            row(&mut text, &format!("{name}[].{member}"), schema, required);
        }
    }
    text
}

fn row(text: &mut String, name: &str, schema: &Value, required: bool) {
    let mut kind = schema["type"].as_str().unwrap().to_owned();
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let choices: Vec<String> = choices
            .iter()
            .map(|choice| format!("`{}`", choice.as_str().unwrap()))
            .collect();
        kind = choices.join(", ");
    }
    if !required {
        kind.push_str(", optional");
    }
    let description = schema["description"].as_str().unwrap().replace('|', "\\|");
    writeln!(text, "| `{name}` | {kind} | {description} |").unwrap();
}

#[test]
fn the_page_says_what_the_definitions_say() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/tools.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let tools = Toolset::with_commands(sandbox());
    let sections: String = tools.definitions().map(section).collect();
    let wanted = format!("{before}{BEGIN}{sections}\n{END}{after}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &wanted).unwrap();
    } else {
        assert!(
            text == wanted,
            "docs/tools.md is not what the definitions say; run this test with UPDATE_GOLDEN=1"
        );
    }
}
