//! The requests of a client and their answers: one [`Connection`] per client.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use backend_tools::Toolset;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CustomRequest, CustomResult,
    ErrorCode, InitializeRequestParams, InitializeResult, ListResourceTemplatesRequestMethod,
    ListResourceTemplatesResult, ListResourcesRequestMethod, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ReadResourceRequestMethod, ReadResourceRequestParams,
    ReadResourceResponse, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::Value;

use crate::call;
use crate::shared::Shared;

/// The method of a call, as it is on the wire.
const CALL_TOOL: &str = "tools/call";

/// One client, from its first message to its last.
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    /// What this client has read is remembered for it alone once it has initialized. Clients of the protocol version
    /// without initialization share one memory.
    own: OnceLock<Toolset>,
}

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            own: OnceLock::new(),
        }
    }

    fn toolset(&self) -> &Toolset {
        self.own.get().unwrap_or(&self.shared.toolset)
    }

    async fn call(
        &self,
        name: &str,
        arguments: Value,
        context: &RequestContext<RoleServer>,
    ) -> CallToolResult {
        call::run(&self.shared, self.toolset(), name, arguments, context).await
    }
}

impl ServerHandler for Connection {
    fn get_info(&self) -> ServerConfig {
        self.shared.introduction.clone()
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let _ = self.own.set(self.shared.toolset.fresh());
        context.peer.set_peer_info(request.clone());
        self.negotiate_initialize(&request)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        no_cursor(request.as_ref())?;
        let mut page = ListToolsResult::default();
        page.tools.clone_from(&self.shared.tools);
        Ok(page)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let mut tools = self.shared.tools.iter();
        tools.find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.map_or(Value::Null, Value::Object);
        let result = self.call(&request.name, arguments, &context).await;
        Ok(result.into())
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let Some(resources) = &self.shared.resources else {
            return Err(ErrorData::method_not_found::<ListResourcesRequestMethod>());
        };
        let cursor = request.and_then(|request| request.cursor);
        resources.list(cursor.as_deref(), &context.ct).await
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let Some(resources) = &self.shared.resources else {
            return Err(ErrorData::method_not_found::<
                ListResourceTemplatesRequestMethod,
            >());
        };
        no_cursor(request.as_ref())?;
        Ok(resources.templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let Some(resources) = &self.shared.resources else {
            return Err(ErrorData::method_not_found::<ReadResourceRequestMethod>());
        };
        let result = resources.read(&request.uri, &context.ct).await?;
        Ok(result.into())
    }

    /// A call whose arguments are not an object is not one that the protocol knows, and ends up here. Mistakes of a
    /// model are reported to the model.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let params = request.params.as_ref().and_then(Value::as_object);
        let name = params.and_then(|params| params.get("name")?.as_str());
        let (CALL_TOOL, Some(name)) = (request.method.as_str(), name) else {
            let method = Cow::from(request.method);
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method, None));
        };
        let arguments = params.and_then(|params| params.get("arguments"));
        let arguments = arguments.cloned().unwrap_or_default();
        let result = self.call(name, arguments, &context).await;
        match serde_json::to_value(result) {
            Ok(result) => Ok(CustomResult::new(result)),
            Err(error) => Err(ErrorData::internal_error(error.to_string(), None)),
        }
    }
}

/// Refuses a cursor for a list that has one page.
fn no_cursor(request: Option<&PaginatedRequestParams>) -> Result<(), ErrorData> {
    match request.and_then(|request| request.cursor.as_ref()) {
        Some(_) => Err(ErrorData::invalid_params(
            "this list has only one page",
            None,
        )),
        None => Ok(()),
    }
}
