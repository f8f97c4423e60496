//! JSON Schemas of arguments and results, in the plain form that every model API accepts.
//!
//! The output of schemars is cleaned: no titles, no formats, no `null`, no references. An optional member is one that
//! is not required.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// Returns the schema of a tool's arguments.
pub(crate) fn of_input<T: JsonSchema>() -> Map<String, Value> {
    of::<T>(settings().for_deserialize())
}

/// Returns the schema of a tool's result.
pub(crate) fn of_output<T: JsonSchema>() -> Map<String, Value> {
    of::<T>(settings().for_serialize())
}

fn settings() -> SchemaSettings {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    settings
}

fn of<T: JsonSchema>(settings: SchemaSettings) -> Map<String, Value> {
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = schema.ensure_object().clone();
    clean(&mut schema);
    // The tool's description says it.
    schema.remove("description");
    schema
}

fn clean(schema: &mut Map<String, Value>) {
    schema.remove("title");
    schema.remove("format");
    schema.remove("default");
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = one_line(description);
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for property in properties.values_mut() {
            if let Value::Object(property) = property {
                clean(property);
            }
        }
    }
    if let Some(Value::Object(items)) = schema.get_mut("items") {
        clean(items);
    }
}

/// Joins the lines of a doc comment, and keeps its paragraphs.
fn one_line(text: &str) -> String {
    let paragraphs = text.split("\n\n");
    let joined: Vec<String> = paragraphs
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    joined.join("\n")
}

/// Returns the schema of a member, to apply the toolset's settings.
pub(crate) fn property<'a>(
    schema: &'a mut Map<String, Value>,
    name: &str,
) -> Option<&'a mut Map<String, Value>> {
    schema.get_mut("properties")?.get_mut(name)?.as_object_mut()
}

/// Removes a member.
pub(crate) fn remove_property(schema: &mut Map<String, Value>, name: &str) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove(name);
    }
}
