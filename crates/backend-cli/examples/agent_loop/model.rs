//! A model that follows a script. It is asked like a real one, with the tools and the conversation so far, and it takes
//! from the replies what it needs for its next call: the path, the line.

use serde_json::{Value, json};

/// The answer of a model: its text, and the tools that it calls.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) text: String,
    pub(crate) calls: Vec<Call>,
}

/// One call of a tool.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: Value,
}

/// The script, and its current step.
#[derive(Debug, Default)]
pub(crate) struct ScriptedModel {
    turn: usize,
    path: String,
}

impl ScriptedModel {
    /// Returns the next turn of the conversation.
    pub(crate) fn next(&mut self, tools: &Value, messages: &[Value]) -> Turn {
        self.turn += 1;
        let reply = last_reply(messages);
        let (text, call) = match self.turn {
            1 => (
                "I run the tests first.",
                Some((
                    "execute",
                    json!({ "command": "sh tests/run.sh", "timeout": 60 }),
                )),
            ),
            2 if reply.contains("FAIL") => (
                "The discount is wrong at 100.00 itself. Where is it made?",
                Some(("grep", json!({ "pattern": "10000", "glob": "*.awk" }))),
            ),
            3 => {
                self.path = reply.lines().next().unwrap_or_default().to_owned();
                (
                    "That is the place. I look at all of it.",
                    Some(("read_file", json!({ "path": self.path }))),
                )
            }
            // As models do, it gets the indentation wrong, and the reply shows the nearest text.
            4 => (
                "It must count from 100.00 on.",
                Some(self.edit("\tif (total > 10000) {")),
            ),
            5 => (
                "I take the line as the file has it.",
                Some(self.edit(reply.lines().last().unwrap_or_default())),
            ),
            6 => (
                "Now the tests again.",
                Some((
                    "execute",
                    json!({ "command": "sh tests/run.sh", "timeout": 60 }),
                )),
            ),
            7 if reply.contains("exit code 0") => (
                "All tests pass: orders of exactly 100.00 have the discount now.",
                None,
            ),
            _ => ("I do not know what to do next.", None),
        };
        let offered = |name: &str| {
            let names = tools.as_array().into_iter().flatten();
            names
                .into_iter()
                .any(|tool| tool.get("name") == Some(&json!(name)))
        };
        let call = call.filter(|(name, _)| offered(name));
        Turn {
            text: text.to_owned(),
            calls: call
                .map(|(name, arguments)| Call {
                    id: format!("call-{}", self.turn),
                    name: name.to_owned(),
                    arguments,
                })
                .into_iter()
                .collect(),
        }
    }

    fn edit(&self, line: &str) -> (&'static str, Value) {
        let new = line.replace(" > ", " >= ");
        let arguments = json!({ "path": self.path, "old_string": line, "new_string": new });
        ("edit_file", arguments)
    }
}

/// Returns the text of the last result of a tool.
fn last_reply(messages: &[Value]) -> String {
    let last = messages.last();
    let text = last.and_then(|message| message.pointer("/content/0/content/0/text"));
    text.and_then(Value::as_str).unwrap_or_default().to_owned()
}
