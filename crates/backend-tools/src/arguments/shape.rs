//! The part of JSON Schema that the tools' schemas use, and its wording in messages.

use serde_json::{Map, Number, Value};

/// A schema of the tools: one type each, without references.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Shape<'a> {
    pub(super) fn kind(&self) -> &'a str {
        self.0
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(super) fn member(&self, name: &str) -> Option<Self> {
        let member = self.0.get("properties")?.get(name)?;
        member.as_object().map(Shape)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        let properties = self.0.get("properties").and_then(Value::as_object);
        properties
            .into_iter()
            .flat_map(|properties| properties.keys().map(String::as_str))
    }

    pub(super) fn required(&self) -> impl Iterator<Item = &'a str> {
        self.texts("required")
    }

    pub(super) fn choices(&self) -> impl Iterator<Item = &'a str> {
        self.texts("enum")
    }

    fn texts(&self, key: &str) -> impl Iterator<Item = &'a str> {
        let texts = self.0.get(key).and_then(Value::as_array);
        texts.into_iter().flatten().filter_map(Value::as_str)
    }

    pub(super) fn item(&self) -> Option<Self> {
        self.0.get("items")?.as_object().map(Shape)
    }

    pub(super) fn lengths(&self) -> (usize, usize) {
        let bound = |key| self.0.get(key).and_then(Value::as_u64);
        let bound = |key| bound(key).and_then(|length| usize::try_from(length).ok());
        (
            bound("minItems").unwrap_or_default(),
            bound("maxItems").unwrap_or(usize::MAX),
        )
    }

    fn bound(&self, key: &str) -> Option<f64> {
        self.0.get(key).and_then(Value::as_f64)
    }

    /// Returns whether a number is within the bounds.
    pub(super) fn has(&self, number: &Number) -> bool {
        let Some(value) = number.as_f64() else {
            return false;
        };
        let is_whole = number.is_i64() || number.is_u64();
        (self.kind() == "number" || is_whole)
            && self.bound("minimum").is_none_or(|least| value >= least)
            && self.bound("maximum").is_none_or(|most| value <= most)
            && self
                .bound("exclusiveMinimum")
                .is_none_or(|below| value > below)
    }

    /// Returns the expected value, as `an integer from 1 to 10`.
    pub(super) fn noun(&self) -> String {
        let noun = match self.kind() {
            "integer" => "an integer",
            "number" => "a number",
            "boolean" => "true or false",
            "array" => "a list",
            "object" => "an object",
            _ => "a string",
        };
        let bound = |key| self.0.get(key).filter(|bound| bound.is_number());
        let above = bound("exclusiveMinimum").map(|below| format!(" above {below}"));
        let least = bound("minimum").map(|least| format!(" of at least {least}"));
        let bounds = match (bound("minimum"), bound("maximum")) {
            (Some(least), Some(most)) => format!(" from {least} to {most}"),
            (None, Some(most)) => {
                let and = above.map_or_else(String::new, |above| format!("{above}, and"));
                format!("{and} at most {most}")
            }
            (_, None) => least.or(above).unwrap_or_default(),
        };
        format!("{noun}{bounds}")
    }

    /// Returns the members with their types, as `path: string, limit?: integer`.
    pub(super) fn signature(&self) -> String {
        let required: Vec<&str> = self.required().collect();
        let (mut first, mut others) = (Vec::new(), Vec::new());
        for name in self.names() {
            let kind = self.member(name).map_or("", |member| member.kind());
            if required.contains(&name) {
                first.push(format!("{name}: {kind}"));
            } else {
                others.push(format!("{name}?: {kind}"));
            }
        }
        first.append(&mut others);
        if first.is_empty() {
            return "nothing".to_owned();
        }
        first.join(", ")
    }
}

/// Returns a value for a message: a short one verbatim, others by their type.
pub(super) fn shown(value: &Value) -> String {
    const SHOWN: usize = 40;
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) if text.chars().nth(SHOWN).is_none() => {
            let text: String = text.chars().flat_map(char::escape_debug).collect();
            format!("\"{text}\"")
        }
        Value::String(text) => format!("a string of {} characters", text.chars().count()),
        Value::Array(items) => format!("a list of length {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}
