//! `mcp`: the workspace served to a client of the Model Context Protocol.

use std::io::IsTerminal;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use backend_mcp::McpServer;
use backend_tools::Toolset;
use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::exit;
use crate::failure::{Failure, Result};
use crate::workspace::{Need, Workspace};

mod offered;
mod token;

/// Serve the workspace to a client of the Model Context Protocol
///
/// A client starts this program and talks to it over its standard streams until it closes the input. With --http,
/// clients connect to it instead, and it serves them until it is interrupted. Everything that was started ends with it.
///
/// It offers tools to list, read, write, edit, search and patch files, to run commands and to manage processes, and the
/// files as resources. Commands are offered in a container (--docker, --runtime) or with --no-isolation; tools that
/// --permissions or --read-only rule out are not offered.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  agent-backends mcp --root .
  agent-backends mcp --root . --docker python:3.12-slim --permissions rules.toml
  agent-backends mcp --root . --no-isolation --http 8765

In a client's configuration:
  {\"mcpServers\": {\"workspace\": {\"command\": \"agent-backends\", \"args\": [\"mcp\", \"--root\", \"/path/to/project\"]}}}

With --http, clients must send the header 'Authorization: Bearer TOKEN'. The token comes from
--token-file, or else from the variable AGENT_BACKENDS_MCP_TOKEN, or else it is generated and
printed to the standard error.")]
pub(crate) struct Mcp {
    /// Serve over HTTP at this address, or at this port of this machine; port 0 picks a free one
    ///
    /// The URL is printed, and ends with /mcp. There is no encryption: beyond this machine, use a proxy that adds it.
    #[arg(long, value_name = "ADDRESS|PORT", value_parser = address)]
    http: Option<SocketAddr>,

    /// A file with the token that clients must send; surrounding white space is ignored
    #[arg(long, value_name = "FILE", requires = "http")]
    token_file: Option<PathBuf>,

    /// Accept requests to this host name too (repeatable)
    ///
    /// Those to localhost, 127.0.0.1 and ::1 are always accepted. An address that others can reach needs one.
    #[arg(long, value_name = "NAME[:PORT]", requires = "http")]
    allow_host: Vec<String>,

    /// Accept requests from browser pages of this origin (repeatable)
    #[arg(long, value_name = "ORIGIN", requires = "http")]
    allow_origin: Vec<String>,
}

impl Mcp {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        if self.http.is_none() {
            context.out.leave_stdout();
        }
        match self.http {
            None => stdio(context).await?,
            Some(address) => self.http(address, context).await?,
        }
        Ok(exit::OK)
    }

    async fn http(self, address: SocketAddr, context: &mut Context) -> Result<()> {
        if !address.ip().is_loopback() && self.allow_host.is_empty() {
            return Err(Failure::Usage(format!(
                "--http {address}: others can reach this address; name the host that they use with --allow-host"
            )));
        }
        let (token, made) = token::find(self.token_file.as_deref()).await?;
        let (workspace, out) = context.open(Need::Run).await?;
        let mut http = serve(workspace).http(token);
        for host in self.allow_host {
            http = http.allow_host(host);
        }
        for origin in self.allow_origin {
            http = http.allow_origin(origin);
        }
        let failed = |error| Failure::Host(format!("--http {address}"), error);
        let server = http.bind(address).await.map_err(failed)?;
        let url = server.url();
        if out.is_json() {
            out.json(&json!({ "url": url, "token": made }))?;
        } else {
            out.line(&url)?;
            if let Some(token) = made {
                out.told(format_args!("token: {token}"));
            }
        }
        out.flush()?;
        // A signal drops everything.
        server.serve(workspace.keep_saved()).await.map_err(failed)
    }
}

/// Serves the client that started this program.
async fn stdio(context: &mut Context) -> Result<()> {
    let (workspace, out) = context.open(Need::Run).await?;
    if std::io::stdin().is_terminal() {
        out.note("this is a server for a client that starts it; Ctrl-D ends it");
    }
    let server = serve(workspace);
    let served = tokio::select! {
        served = server.serve_stdio() => served,
        () = workspace.keep_saved() => Ok(()),
    };
    served.map_err(|error| Failure::Host("the client".to_owned(), error))
}

/// Returns the server of a workspace, with the tools that its rules permit.
fn serve(workspace: &Workspace) -> McpServer {
    let builder = match workspace.sandbox() {
        Ok(sandbox) => Toolset::builder_with_commands(Arc::clone(sandbox)),
        Err(_) => Toolset::builder(Arc::clone(workspace.backend())),
    };
    let withheld = offered::withheld(workspace.refused());
    let server = McpServer::builder(builder.without(withheld).build());
    server
        .named("agent-backends", env!("CARGO_PKG_VERSION"))
        .build()
}

/// Parses an address, or a port of this machine.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.parse().map_err(|_| {
        "expected a port, or an address such as 127.0.0.1:8765 or [::1]:8765".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_port_is_one_of_this_machine() {
        assert_eq!(address("8765").unwrap().to_string(), "127.0.0.1:8765");
        assert_eq!(address("[::1]:0").unwrap().to_string(), "[::1]:0");
        for text in ["", "localhost", "localhost:80", "127.0.0.1", "70000", ":80"] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
