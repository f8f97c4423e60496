//! The definition of a tool for a model, in the formats of the model APIs.

use serde_json::{Map, Value, json};

use crate::{Annotations, Tool};

/// The definition of a tool for a model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ToolDefinition {
    /// The tool.
    pub tool: Tool,
    /// The name to call it by.
    pub name: &'static str,
    /// Its title for a person.
    pub title: &'static str,
    /// What it does, its limits, and what it returns.
    pub description: String,
    /// The JSON Schema of its arguments: one object, closed, without references, every member described.
    pub input_schema: Map<String, Value>,
    /// The JSON Schema of [`Reply::structured`](crate::Reply::structured) if the call was done.
    pub output_schema: Map<String, Value>,
    /// What it does to a workspace.
    pub annotations: Annotations,
}

impl ToolDefinition {
    /// Returns the definition for the `tools` of Anthropic's messages API.
    pub fn anthropic(&self) -> Value {
        json!({
            "name": self.name,
            "description": self.description,
            "input_schema": self.input_schema,
        })
    }

    /// Returns the definition for the `tools` of OpenAI's chat completions, which many others adopted.
    pub fn openai(&self) -> Value {
        json!({
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": self.input_schema,
            },
        })
    }

    /// Returns the definition for the `tools` of OpenAI's responses API.
    pub fn openai_responses(&self) -> Value {
        json!({
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": self.input_schema,
            "strict": false,
        })
    }
}
