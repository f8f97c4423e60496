//! The definitions of the tools.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use backend_tools::{Tool, ToolDefinition, Toolset};
use serde_json::Value;

use crate::fakes::sandbox;
use crate::support::{check_golden, pretty};

fn all() -> Toolset {
    Toolset::with_commands(sandbox())
}

#[test]
fn every_definition_is_as_it_was() {
    let tools = all();
    assert_eq!(tools.definitions().len(), Tool::ALL.len());
    for definition in tools.definitions() {
        let mut text = format!("# {}: {}\n\n", definition.name, definition.title);
        writeln!(text, "{}\n", definition.description).unwrap();
        writeln!(text, "{:?}\n", definition.annotations).unwrap();
        let input = Value::Object(definition.input_schema.clone());
        let output = Value::Object(definition.output_schema.clone());
        writeln!(text, "## takes\n\n{}\n", pretty(&input)).unwrap();
        writeln!(text, "## returns\n\n{}", pretty(&output)).unwrap();
        check_golden(&format!("definitions/{}.txt", definition.name), &text);
    }
}

/// Checks a schema and everything in it.
fn check_schema(at: &str, schema: &Value, is_input: bool) {
    let schema = schema.as_object().unwrap();
    let kind = schema["type"].as_str();
    assert!(kind.is_some(), "{at} has one type: {schema:?}");
    for refused in [
        "$ref", "$defs", "$schema", "title", "format", "oneOf", "anyOf", "allOf", "default",
    ] {
        assert!(!schema.contains_key(refused), "{at} has {refused}");
    }
    let known: BTreeSet<&str> = [
        "additionalProperties",
        "description",
        "enum",
        "items",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "properties",
        "required",
        "type",
    ]
    .into();
    for key in schema.keys() {
        assert!(
            known.contains(key.as_str()),
            "{at} has {key}, which the check of arguments does not know"
        );
    }
    if kind == Some("object") && is_input {
        assert_eq!(schema["additionalProperties"], false, "{at} is closed");
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let at = format!("{at}.{name}");
        let description = property["description"].as_str().unwrap_or_default();
        assert!(description.len() > 8, "{at} is described: {description:?}");
        assert!(
            description.ends_with('.') || description.ends_with('`'),
            "{at}: {description}"
        );
        assert!(!description.contains('\n'), "{at}: {description}");
        check_schema(&at, property, is_input);
    }
    for required in schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        assert!(
            properties.unwrap().contains_key(required.as_str().unwrap()),
            "{at}: {required}"
        );
    }
    if let Some(items) = schema.get("items") {
        check_schema(&format!("{at}[]"), items, is_input);
    }
}

#[test]
fn every_schema_is_closed_plain_and_described() {
    for definition in all().definitions() {
        let input = Value::Object(definition.input_schema.clone());
        check_schema(definition.name, &input, true);
        assert_eq!(input["type"], "object");
        let output = Value::Object(definition.output_schema.clone());
        check_schema(&format!("{} returns", definition.name), &output, false);
        assert_eq!(output["type"], "object");
    }
}

#[test]
fn every_description_is_short_and_names_its_limits() {
    for definition in all().definitions() {
        let text = &definition.description;
        assert!(
            (60..1200).contains(&text.len()),
            "{}: {} bytes",
            definition.name,
            text.len()
        );
        assert!(
            !text.contains("  ") && !text.contains('\t'),
            "{}: {text}",
            definition.name
        );
        assert!(text.ends_with('.'), "{}: {text}", definition.name);
    }
    let tools = all();
    let tells = |tool: Tool, words: &[&str]| {
        let text = &tools.definition(tool).unwrap().description;
        for word in words {
            assert!(
                text.contains(word),
                "{tool} does not mention {word}: {text}"
            );
        }
    };
    tells(
        Tool::ReadFile,
        &["2000 lines", "30720 bytes", "counted from 1"],
    );
    tells(
        Tool::Execute,
        &["120 seconds", "600 at most", "30720 bytes"],
    );
    tells(Tool::Grep, &["120 seconds", "count from 1"]);
    tells(Tool::Glob, &["120 seconds", "absolute paths"]);
}

#[test]
fn the_names_are_those_of_the_tools() {
    let names: BTreeSet<&str> = Tool::ALL.iter().map(|tool| tool.name()).collect();
    assert_eq!(names.len(), Tool::ALL.len());
    for tool in Tool::ALL {
        assert_eq!(tool.name().parse(), Ok(*tool));
        // The model APIs take letters, digits, `_` and `-`, up to 64 of them.
        assert!(
            tool.name()
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'_')
        );
    }
    assert!("Ls".parse::<Tool>().is_err());
}

#[test]
fn read_only_and_destructive_tools_say_so() {
    for tool in Tool::ALL {
        let hints = tool.annotations();
        assert!(!(hints.read_only && hints.destructive), "{tool}");
    }
    assert!(Tool::Grep.annotations().read_only);
    assert!(Tool::Delete.annotations().destructive);
    assert!(Tool::Execute.annotations().open_world);
    assert!(!Tool::EditFile.annotations().idempotent);
}

#[test]
fn each_model_api_gets_its_own_shape() {
    let tools = all();
    let first = tools.definitions().next().unwrap();
    let anthropic = &tools.anthropic()[0];
    assert_eq!(anthropic["name"], "ls");
    assert_eq!(anthropic["input_schema"]["type"], "object");
    let openai = &tools.openai()[0];
    assert_eq!(openai["type"], "function");
    assert_eq!(openai["function"]["name"], "ls");
    assert_eq!(
        openai["function"]["parameters"],
        Value::Object(first.input_schema.clone())
    );
    let responses = ToolDefinition::openai_responses(first);
    assert_eq!(responses["name"], "ls");
    assert_eq!(responses["strict"], false);
    assert_eq!(tools.openai().as_array().unwrap().len(), Tool::ALL.len());
}

#[test]
fn settings_are_in_the_schemas_and_the_descriptions() {
    let tools = Toolset::builder_with_commands(sandbox())
        .timeout(std::time::Duration::from_secs(7))
        .max_timeout(std::time::Duration::from_secs(9))
        .without([Tool::HashlineEdit])
        .build();
    let execute = tools.definition(Tool::Execute).unwrap();
    assert!(execute.description.contains("7 seconds") && execute.description.contains("9 at most"));
    let timeout = &execute.input_schema["properties"]["timeout"];
    assert_eq!(timeout["maximum"], 9);
    assert!(
        timeout["description"]
            .as_str()
            .unwrap()
            .contains("7 unless given, 9 at most")
    );
    let read = tools.definition(Tool::ReadFile).unwrap();
    assert!(read.input_schema["properties"].get("hashes").is_none());
}
