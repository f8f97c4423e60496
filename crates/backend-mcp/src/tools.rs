//! Definitions and replies in the types of the protocol.

use std::sync::Arc;

use backend_tools::{Annotations, Reply, ToolDefinition};
use rmcp::model::{CallToolResult, ContentBlock, MetaObject, Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

/// The `_meta` member with the details of an error, for programs. `structuredContent` is not the place for it: clients
/// validate that against the schema of a result.
pub(crate) const ERROR_META: &str = "agent-backends/error";

/// The `_meta` member that distinguishes a mistake, a refusal and a failure.
pub(crate) const KIND_META: &str = "agent-backends/kind";

/// Returns a tool as a client lists it.
pub(crate) fn describe(definition: &ToolDefinition) -> Tool {
    let input = Arc::new(definition.input_schema.clone());
    let description = definition.description.clone();
    Tool::new(definition.name, description, input)
        .with_title(definition.title)
        .with_raw_output_schema(Arc::new(definition.output_schema.clone()))
        .with_annotations(hints(definition.title, definition.annotations))
}

fn hints(title: &str, annotations: Annotations) -> ToolAnnotations {
    ToolAnnotations::with_title(title)
        .read_only(annotations.read_only)
        .destructive(annotations.destructive)
        .idempotent(annotations.idempotent)
        .open_world(annotations.open_world)
}

/// Returns a reply as the result of a call. It is never an error of the protocol: a model would not see that.
pub(crate) fn result(reply: Reply) -> CallToolResult {
    // Clients pass it on to model APIs, which refuse an empty text.
    let text = if reply.text.is_empty() {
        "(no output)"
    } else {
        &reply.text
    };
    let mut content = vec![ContentBlock::text(text)];
    let images = reply.images.iter();
    content.extend(images.map(|image| ContentBlock::image(image.to_base64(), image.media_type)));
    if reply.is_ok() {
        let mut result = CallToolResult::success(content);
        result.structured_content = Some(reply.structured);
        return result;
    }
    let mut result = CallToolResult::error(content);
    let mut meta = Map::from_iter([(KIND_META.to_owned(), json!(reply.kind.as_str()))]);
    if let Some(error) = reply.structured.get("error") {
        meta.insert(ERROR_META.to_owned(), error.clone());
    }
    result.meta = Some(MetaObject(meta));
    result
}

/// Returns a failure that is not the reply of a tool.
pub(crate) fn failed(message: &str) -> CallToolResult {
    let mut result = CallToolResult::error(vec![ContentBlock::text(message)]);
    let kind = Value::from("failure");
    result.meta = Some(MetaObject(Map::from_iter([(KIND_META.to_owned(), kind)])));
    result
}
