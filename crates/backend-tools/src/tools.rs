//! The tools, one file each: arguments, result, description, and implementation.

mod apply_patch;
mod delete;
mod edit_file;
mod execute;
mod glob;
mod grep;
mod hashline_edit;
mod list_processes;
mod listed;
mod ls;
mod page;
mod read_file;
mod read_many;
mod read_process;
mod rename;
mod start_process;
mod status;
mod stop_process;
mod write_file;
mod write_process;

use schemars::JsonSchema;
use serde_json::{Map, Value};

use crate::context::{Context, ToolResult};
use crate::settings::Settings;
use crate::{Reply, Tool, ToolDefinition, arguments, schema};

macro_rules! tools {
    ($($tool:ident: $module:ident,)*) => {
        /// Returns the definition of a tool.
        pub(crate) fn define(tool: Tool, settings: &Settings) -> ToolDefinition {
            match tool {
                $(Tool::$tool => definition::<$module::Arguments, $module::Outcome>(
                    tool,
                    $module::describe(settings),
                    settings,
                ),)*
            }
        }

        /// Checks the arguments, and calls a tool.
        pub(crate) async fn call(
            tool: Tool,
            context: &Context,
            schema: &Map<String, Value>,
            arguments: Value,
        ) -> ToolResult {
            match tool {
                $(Tool::$tool => {
                    let arguments = arguments::parse(tool.name(), schema, arguments)
                        .map_err(Reply::mistake)?;
                    Box::pin($module::run(context, arguments)).await
                })*
            }
        }
    };
}

tools! {
    Ls: ls,
    ReadFile: read_file,
    ReadMany: read_many,
    WriteFile: write_file,
    EditFile: edit_file,
    HashlineEdit: hashline_edit,
    ApplyPatch: apply_patch,
    Glob: glob,
    Grep: grep,
    Delete: delete,
    Move: rename,
    Execute: execute,
    StartProcess: start_process,
    ReadProcess: read_process,
    WriteProcess: write_process,
    ListProcesses: list_processes,
    StopProcess: stop_process,
}

fn definition<I: JsonSchema, O: JsonSchema>(
    tool: Tool,
    description: String,
    settings: &Settings,
) -> ToolDefinition {
    let mut input_schema = schema::of_input::<I>();
    adjust(tool, &mut input_schema, settings);
    ToolDefinition {
        tool,
        name: tool.name(),
        title: tool.title(),
        description,
        input_schema,
        output_schema: schema::of_output::<O>(),
        annotations: tool.annotations(),
    }
}

/// Applies the settings to a schema.
fn adjust(tool: Tool, schema: &mut Map<String, Value>, settings: &Settings) {
    match tool {
        Tool::Execute => {
            let (default, most) = (settings.timeout.as_secs(), settings.max_timeout.as_secs());
            if let Some(timeout) = schema::property(schema, "timeout") {
                let description = format!(
                    "Time limit in seconds: {default} unless given, {most} at most. The command and all its descendants are \
                     then killed, and the output until then is returned."
                );
                timeout.insert("description".into(), description.into());
                timeout.insert("maximum".into(), most.into());
            }
        }
        // The hashes are useless to a model that cannot edit by them.
        Tool::ReadFile if !settings.offered.contains(&Tool::HashlineEdit) => {
            schema::remove_property(schema, "hashes");
        }
        _ => {}
    }
}

/// Returns the result as JSON. Results have string keys and only numbers that JSON can represent.
fn structured(outcome: &impl serde::Serialize) -> Value {
    serde_json::to_value(outcome).unwrap_or_else(|_| Value::Object(Map::new()))
}
