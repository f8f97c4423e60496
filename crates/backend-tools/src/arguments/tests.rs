//! What is fixed and what is not, on its own schema.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::parse;
use crate::schema::of_input;

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
struct Example {
    name: String,
    #[schemars(range(min = 1, max = 9))]
    count: Option<u8>,
    share: Option<f64>,
    flag: Option<bool>,
    tags: Option<Vec<String>>,
    point: Option<Point>,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
struct Point {
    x: i64,
}

fn parsed(arguments: Value) -> Result<Example, String> {
    parse("example", &of_input::<Example>(), arguments)
}

#[test]
fn an_object_as_text_is_an_object() {
    let example = parsed(json!({ "name": "a", "point": "{\"x\": \"-3\"}" })).unwrap();
    assert_eq!(example.point, Some(Point { x: -3 }));
    let all = parsed(json!(
        "{\"name\": \"a\", \"share\": \"0.5\", \"flag\": \"True\"}"
    ))
    .unwrap();
    assert_eq!((all.share, all.flag), (Some(0.5), Some(true)));
}

#[test]
fn an_expected_string_stays_a_string() {
    for text in ["5", "true", "[\"a\"]", "{}", "null", ""] {
        assert_eq!(parsed(json!({ "name": text })).unwrap().name, text);
    }
    let tags = parsed(json!({ "name": "a", "tags": ["[1]", "2"] }))
        .unwrap()
        .tags;
    assert_eq!(tags, Some(vec!["[1]".to_owned(), "2".to_owned()]));
}

#[test]
fn numbers_that_json_cannot_represent_are_refused() {
    for share in ["NaN", "inf", "1e999", "0x1"] {
        assert!(
            parsed(json!({ "name": "a", "share": share })).is_err(),
            "{share}"
        );
    }
    assert_eq!(parsed(json!({ "name": "a", "count": "9.0" })).ok(), None);
    assert_eq!(
        parsed(json!({ "name": "a", "count": 9.0 })).unwrap().count,
        Some(9)
    );
}

#[test]
fn the_signature_has_what_is_needed_first() {
    let error = parsed(json!({})).unwrap_err();
    assert!(
        error.ends_with(
            "example takes: name: string, count?: integer, flag?: boolean, point?: object, share?: number, tags?: array"
        ),
        "{error}"
    );
}
