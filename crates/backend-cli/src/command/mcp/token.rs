//! The source of the HTTP server's token.

use std::path::Path;

use backend_mcp::Token;

use crate::failure::{Failure, Result};
use crate::host;

/// The variable with the token, if set and not empty.
const VARIABLE: &str = "AGENT_BACKENDS_MCP_TOKEN";

/// Returns the token, and its text if it was generated.
///
/// # Errors
///
/// `Usage` for an invalid token, `Host` for a file that cannot be read.
pub(super) async fn find(file: Option<&Path>) -> Result<(Token, Option<String>)> {
    if let Some(file) = file {
        let text = host::read_text(file).await?;
        return parse(&text, || format!("--token-file {}", file.display()));
    }
    match std::env::var(VARIABLE) {
        Ok(text) if !text.trim().is_empty() => parse(&text, || VARIABLE.to_owned()),
        Ok(_) | Err(std::env::VarError::NotPresent) => {
            let made = Token::generate();
            let (token, text) = made.map_err(|e| Failure::Host("random bytes".to_owned(), e))?;
            Ok((token, Some(text)))
        }
        Err(error) => Err(Failure::Usage(format!("{VARIABLE}: {error}"))),
    }
}

/// The text itself appears in no message.
fn parse(text: &str, what: impl Fn() -> String) -> Result<(Token, Option<String>)> {
    let token = Token::new(text.trim());
    let token = token.map_err(|error| Failure::Usage(format!("{}: {error}", what())))?;
    Ok((token, None))
}
