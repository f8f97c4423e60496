//! Arguments: checked against the tool's schema, fixed if that is harmless, and reported in full otherwise.
//!
//! The check goes no deeper than the schema, so the depth of the arguments does not matter.

use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use crate::nearest::nearest;

mod shape;

use shape::{Shape, shown};

/// Maximum number of reported problems.
const MAX_REPORTED_PROBLEMS: usize = 8;

/// The largest number that JSON carries everywhere without loss.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Returns the arguments of a model as the type from which the schema was derived.
///
/// These are fixed: `null` for an optional member; a number or a boolean as a string; an integer with a fraction of
/// zero; a list or an object as JSON text; one string where a list of strings is expected.
///
/// # Errors
///
/// Returns the message for the model.
pub(crate) fn parse<T: DeserializeOwned>(
    tool: &str,
    schema: &Map<String, Value>,
    arguments: Value,
) -> Result<T, String> {
    let mut arguments = match arguments {
        Value::Null => Value::Object(Map::new()),
        // Some clients pass the arguments as text.
        Value::String(text) if text.trim().is_empty() => Value::Object(Map::new()),
        other => other,
    };
    let mut problems = Problems::default();
    check(&Shape(schema), &mut arguments, "", &mut problems);
    if problems.count > 0 {
        return Err(problems.message(tool, schema));
    }
    // The schema was derived from the type, so this does not fail; if it does, the reason is reported.
    serde_json::from_value(arguments).map_err(|error| {
        let mut problems = Problems::default();
        problems.add("", error.to_string());
        problems.message(tool, schema)
    })
}

#[derive(Debug, Default)]
struct Problems {
    reported: Vec<String>,
    count: usize,
}

impl Problems {
    fn add(&mut self, at: &str, message: impl AsRef<str>) {
        self.count += 1;
        if self.reported.len() < MAX_REPORTED_PROBLEMS {
            let at = if at.is_empty() { "the arguments" } else { at };
            self.reported.push(format!("- {at}: {}", message.as_ref()));
        }
    }

    fn message(&self, tool: &str, schema: &Map<String, Value>) -> String {
        let more = self.count - self.reported.len();
        let more = if more > 0 {
            format!("\n- and {more} more")
        } else {
            String::new()
        };
        format!(
            "invalid arguments for {tool}:\n{}{more}\n{tool} takes: {}",
            self.reported.join("\n"),
            Shape(schema).signature()
        )
    }
}

fn check(shape: &Shape<'_>, value: &mut Value, at: &str, problems: &mut Problems) {
    coerce(shape, value);
    match (shape.kind(), &mut *value) {
        ("object", Value::Object(members)) => check_object(shape, members, at, problems),
        ("array", Value::Array(items)) => check_array(shape, items, at, problems),
        ("string", Value::String(text)) => {
            let choices: Vec<&str> = shape.choices().collect();
            if !choices.is_empty() && !choices.contains(&text.as_str()) {
                let wanted = choices.join("\", \"");
                problems.add(
                    at,
                    format!("must be one of \"{wanted}\", not {}", shown(value)),
                );
            }
        }
        ("boolean", Value::Bool(_)) => {}
        ("integer" | "number", Value::Number(number)) => {
            if !shape.has(number) {
                problems.add(
                    at,
                    format!("must be {}, not {}", shape.noun(), shown(value)),
                );
            }
        }
        _ => problems.add(
            at,
            format!("must be {}, not {}", shape.noun(), shown(value)),
        ),
    }
}

fn check_object(
    shape: &Shape<'_>,
    members: &mut Map<String, Value>,
    at: &str,
    problems: &mut Problems,
) {
    // An optional member may be null; a required one counts as missing then.
    members.retain(|_, value| !value.is_null());
    for name in members.keys() {
        if shape.member(name).is_none() {
            let near = nearest(name, shape.names());
            let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            problems.add(&with_timeout(at, &escaped(name)), format!("unknown{hint}"));
        }
    }
    for name in shape.required() {
        if !members.contains_key(name) {
            problems.add(&with_timeout(at, name), "missing");
        }
    }
    for (name, value) in members.iter_mut() {
        if let Some(member) = shape.member(name) {
            check(&member, value, &with_timeout(at, name), problems);
        }
    }
}

fn check_array(shape: &Shape<'_>, items: &mut [Value], at: &str, problems: &mut Problems) {
    let (least, most) = shape.lengths();
    if items.len() < least || items.len() > most {
        let wanted = if items.len() < least { least } else { most };
        let bound = if items.len() < least {
            "at least"
        } else {
            "at most"
        };
        problems.add(
            at,
            format!("must have {bound} {wanted} items, not {}", items.len()),
        );
        return;
    }
    let Some(item) = shape.item() else { return };
    for (index, value) in items.iter_mut().enumerate() {
        check(&item, value, &format!("{at}[{index}]"), problems);
        if problems.count > MAX_REPORTED_PROBLEMS {
            return;
        }
    }
}

/// Converts a value to what it unambiguously stands for.
fn coerce(shape: &Shape<'_>, value: &mut Value) {
    let mended = match (shape.kind(), &*value) {
        ("integer", Value::Number(number)) => number.as_f64().and_then(whole).map(Value::Number),
        ("integer", Value::String(text)) => integer(text.trim()).map(Value::Number),
        ("number", Value::String(text)) => decimal(text.trim()).map(Value::Number),
        ("boolean", Value::String(text)) => match text.trim() {
            "true" | "True" => Some(Value::Bool(true)),
            "false" | "False" => Some(Value::Bool(false)),
            _ => None,
        },
        ("array", Value::String(text)) => serde_json::from_str(text)
            .ok()
            .filter(Value::is_array)
            .or_else(|| {
                let of_texts = shape.item().is_some_and(|item| item.kind() == "string");
                (of_texts && !text.is_empty())
                    .then(|| Value::Array(vec![Value::String(text.clone())]))
            }),
        ("object", Value::String(text)) => serde_json::from_str(text).ok().filter(Value::is_object),
        _ => None,
    };
    if let Some(mended) = mended {
        *value = mended;
    }
}

fn integer(text: &str) -> Option<Number> {
    let signed = text.parse::<i64>().map(Number::from);
    signed
        .or_else(|_| text.parse::<u64>().map(Number::from))
        .ok()
}

fn decimal(text: &str) -> Option<Number> {
    // `inf` and `NaN` are numbers in Rust, but not in JSON.
    text.parse().ok().and_then(Number::from_f64)
}

/// Returns a number with a fraction of zero as an integer.
fn whole(number: f64) -> Option<Number> {
    let is_whole = number.fract() == 0.0 && number.abs() <= MAX_WHOLE;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it has no fraction and is within what f64 holds exactly"
    )]
    is_whole.then(|| Number::from(number as i64))
}

fn with_timeout(at: &str, name: &str) -> String {
    if at.is_empty() {
        format!("`{name}`")
    } else {
        format!("{at}.`{name}`")
    }
}

fn escaped(name: &str) -> String {
    const SHOWN: usize = 40;
    let mut text: String = name
        .chars()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if name.chars().nth(SHOWN).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
