//! The toolset: the offered tools, and their calls.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use backend_core::{Backend, Error, Sandbox};
use serde_json::Value;

use crate::context::{Context, Memory, ToolResult};
use crate::nearest::nearest;
use crate::settings::Settings;
use crate::tool::Needs;
use crate::{Reply, ReplyKind, Tool, ToolDefinition, ToolsetBuilder, tools};

/// The tools with which a model works in a workspace.
///
/// It is cheap to clone; clones share the memory of read files. Give each conversation its own toolset, with
/// [`fresh`](Self::fresh).
///
/// Calls need a tokio runtime with time, and may run concurrently. Dropping a call cancels it.
#[derive(Clone)]
pub struct Toolset {
    context: Arc<Context>,
    definitions: Arc<BTreeMap<Tool, ToolDefinition>>,
}

impl Toolset {
    /// Makes the tools of a workspace with only files.
    pub fn new(files: Arc<dyn Backend>) -> Self {
        Self::builder(files).build()
    }

    /// Makes the tools of a workspace that runs commands.
    pub fn with_commands(sandbox: Arc<dyn Sandbox>) -> Self {
        Self::builder_with_commands(sandbox).build()
    }

    /// Sets up the tools of a workspace with only files.
    pub fn builder(files: Arc<dyn Backend>) -> ToolsetBuilder {
        ToolsetBuilder::new(files, None)
    }

    /// Sets up the tools of a workspace that runs commands.
    pub fn builder_with_commands(sandbox: Arc<dyn Sandbox>) -> ToolsetBuilder {
        let files: Arc<dyn Backend> = Arc::<dyn Sandbox>::clone(&sandbox);
        ToolsetBuilder::new(files, Some(sandbox))
    }

    pub(crate) fn assemble(
        files: Arc<dyn Backend>,
        commands: Option<Arc<dyn Sandbox>>,
        mut settings: Settings,
    ) -> Self {
        let context = Context {
            files,
            commands,
            memory: Memory::default(),
            settings: Settings::default(),
        };
        settings
            .offered
            .retain(|tool| lacks(&context, *tool).is_none());
        let definitions = settings
            .offered
            .iter()
            .map(|tool| (*tool, tools::define(*tool, &settings)))
            .collect();
        Self {
            context: Arc::new(Context {
                settings,
                ..context
            }),
            definitions: Arc::new(definitions),
        }
    }

    /// Returns a toolset of the same workspace with the same settings that has read nothing yet.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self {
            context: Arc::new(Context {
                files: Arc::clone(&self.context.files),
                commands: self.context.commands.clone(),
                settings: self.context.settings.clone(),
                memory: Memory::default(),
            }),
            definitions: Arc::clone(&self.definitions),
        }
    }

    /// Returns the files of the workspace.
    pub fn files(&self) -> &Arc<dyn Backend> {
        &self.context.files
    }

    /// Returns the sandbox, if this workspace runs commands.
    pub fn sandbox(&self) -> Option<&Arc<dyn Sandbox>> {
        self.context.commands.as_ref()
    }

    /// Returns the offered tools, in order.
    pub fn definitions(&self) -> impl ExactSizeIterator<Item = &ToolDefinition> {
        self.definitions.values()
    }

    /// Returns the definition of a tool, if it is offered.
    pub fn definition(&self, tool: Tool) -> Option<&ToolDefinition> {
        self.definitions.get(&tool)
    }

    /// Returns the definitions for the `tools` of Anthropic's messages API.
    pub fn anthropic(&self) -> Value {
        self.definitions().map(ToolDefinition::anthropic).collect()
    }

    /// Returns the definitions for the `tools` of OpenAI's chat completions.
    pub fn openai(&self) -> Value {
        self.definitions().map(ToolDefinition::openai).collect()
    }

    /// Calls a tool by its name with the arguments of a model. There is a reply whatever these are.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels the call, as documented for each operation of [`Backend`]; a command is killed with
    /// all its descendants. A patch that is being applied may then be partly applied.
    pub async fn call(&self, name: &str, arguments: Value) -> Reply {
        let reply = match name.parse() {
            Ok(tool) => self.call_tool(tool, arguments).await,
            Err(_) => self.no_such_tool(name),
        };
        reply.bounded(self.context.settings.reply_bytes)
    }

    /// Calls a tool with arguments that are still text from the model.
    ///
    /// # Cancellation
    ///
    /// As [`call`](Self::call).
    pub async fn call_text(&self, name: &str, arguments: &str) -> Reply {
        if arguments.trim().is_empty() {
            return self.call(name, Value::Null).await;
        }
        match serde_json::from_str(arguments) {
            Ok(arguments) => self.call(name, arguments).await,
            Err(error) => {
                let message = format!("the arguments are not valid JSON: {error}");
                Reply::mistake(message).bounded(self.context.settings.reply_bytes)
            }
        }
    }

    async fn call_tool(&self, tool: Tool, arguments: Value) -> Reply {
        let Some(definition) = self.definitions.get(&tool) else {
            return self.not_offered(tool);
        };
        let schema = &definition.input_schema;
        let done: ToolResult = tools::call(tool, &self.context, schema, arguments).await;
        done.unwrap_or_else(|failed| *failed.0)
    }

    fn no_such_tool(&self, name: &str) -> Reply {
        let names: Vec<&str> = self.definitions().map(|tool| tool.name).collect();
        let hint = nearest(name, names.iter().copied())
            .map_or_else(String::new, |near| format!("; did you mean {near}?"));
        let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
        let all = names.join(", ");
        Reply::mistake(format!(
            "unknown tool {shown}{hint}\nAvailable tools: {all}"
        ))
    }

    fn not_offered(&self, tool: Tool) -> Reply {
        let error = match lacks(&self.context, tool) {
            Some(reason) => Error::unsupported(format!("{tool}: {reason}")),
            None => Error::unsupported(format!("{tool}: this tool is not available")),
        };
        let text = format!("{error}\nDo not try to work around this.");
        Reply::of_error_with_text(&error, text).with_kind(ReplyKind::Refusal)
    }
}

/// Returns why a workspace cannot support a tool.
fn lacks(context: &Context, tool: Tool) -> Option<&'static str> {
    let capabilities = context.files.capabilities();
    let commands = context.commands.is_some() && capabilities.executes;
    match tool.needs() {
        Needs::Reads => None,
        Needs::Writes => capabilities
            .read_only
            .then_some("this workspace is read-only"),
        Needs::Commands => (!commands).then_some("this workspace does not run commands"),
        Needs::Processes => (!commands || !capabilities.processes)
            .then_some("this workspace does not support background processes"),
    }
}

impl fmt::Debug for Toolset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self
            .definitions()
            .map(|definition| definition.name)
            .collect();
        f.debug_struct("Toolset")
            .field("files", &self.context.files)
            .field("tools", &names)
            .finish_non_exhaustive()
    }
}
