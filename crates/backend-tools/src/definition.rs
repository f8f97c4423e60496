//! What a model is told of a tool, in the forms that the model APIs take.

use serde_json::{Map, Value, json};

use crate::{Annotations, Tool};

/// A tool as a model is told of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ToolDefinition {
    /// Which tool it is.
    pub tool: Tool,
    /// The name to call it by.
    pub name: &'static str,
    /// Its name for a person.
    pub title: &'static str,
    /// What it does, within which limits, and what it returns.
    pub description: String,
    /// The JSON Schema of its arguments: one object, closed, without references, every member described.
    pub input_schema: Map<String, Value>,
    /// The JSON Schema of [`Reply::structured`](crate::Reply::structured) where the call was done.
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

    /// Returns the definition for the `tools` of OpenAI's chat completions, which many others took over.
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
