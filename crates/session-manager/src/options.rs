//! What a session is asked for with.

use std::collections::BTreeMap;
use std::time::Duration;

use backend_core::{Error, Result, RuntimeConfig, SandboxId};

/// The longest name of a tenant, in bytes.
const MAX_TENANT_BYTES: usize = 256;

/// What a session is to be, for [`get_or_create_with`](crate::SessionManager::get_or_create_with).
///
/// What is left out is the manager's default for a new session, and no matter for one that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionOptions {
    /// What is installed in its sandbox. A session keeps its runtime: another one is refused.
    pub runtime: Option<RuntimeConfig>,
    /// Whom the session belongs to. Nobody else reaches it.
    pub tenant: Option<String>,
    /// How long it may be unused before its sandbox is stopped. It applies at once, to a session that is there as well.
    pub idle_timeout: Option<Duration>,
    /// Marks on its sandbox, for an operator. They are changed with the next sandbox; a live one with others is refused.
    pub labels: BTreeMap<String, String>,
    /// Variables for the environment of everything that runs in it. They are kept with the record of the session, and
    /// changed with the next sandbox; a live one with others is refused.
    pub env: BTreeMap<String, String>,
}

impl SessionOptions {
    /// Asks for nothing in particular.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what is installed in the sandbox.
    #[must_use]
    pub fn runtime(mut self, runtime: RuntimeConfig) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Sets whom the session belongs to.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Sets how long it may be unused before its sandbox is stopped.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Adds a mark to the sandbox.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Returns the tenant that is meant, within the scope of whoever asks.
    pub(crate) fn checked_tenant<'a>(&'a self, scope: Option<&'a str>) -> Result<Option<&'a str>> {
        match (self.tenant.as_deref(), scope) {
            (Some(asked), Some(scope)) if asked != scope => Err(Error::invalid_request(
                "the tenant is not the one that this manager is scoped to",
            )),
            (asked, scope) => {
                let tenant = asked.or(scope);
                tenant.map_or(Ok(()), check_tenant)?;
                Ok(tenant)
            }
        }
    }
}

/// Refuses what no application would call a tenant.
pub(crate) fn check_tenant(tenant: &str) -> Result<()> {
    let reason = if tenant.is_empty() {
        "it is empty"
    } else if tenant.len() > MAX_TENANT_BYTES {
        "it is longer than 256 bytes"
    } else if tenant.chars().any(char::is_control) {
        "it has a control character"
    } else {
        return Ok(());
    };
    Err(Error::invalid_request(format!(
        "the name of the tenant cannot be used: {reason}"
    )))
}

/// What a session can be named by: a [`SandboxId`], or a text that is one.
///
/// No path is ever made from a text that was not checked.
pub trait IntoSessionId {
    /// Returns the id.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a text that is no id.
    fn into_session_id(self) -> Result<SandboxId>;
}

impl IntoSessionId for SandboxId {
    fn into_session_id(self) -> Result<SandboxId> {
        Ok(self)
    }
}

impl IntoSessionId for &SandboxId {
    fn into_session_id(self) -> Result<SandboxId> {
        Ok(self.clone())
    }
}

impl IntoSessionId for &str {
    fn into_session_id(self) -> Result<SandboxId> {
        SandboxId::parse(self)
    }
}

impl IntoSessionId for String {
    fn into_session_id(self) -> Result<SandboxId> {
        SandboxId::parse(self)
    }
}

impl IntoSessionId for &String {
    fn into_session_id(self) -> Result<SandboxId> {
        SandboxId::parse(self)
    }
}

#[cfg(test)]
mod tests {
    use super::SessionOptions;

    #[test]
    fn a_scope_and_a_tenant_must_agree() {
        let options = SessionOptions::new().tenant("a");
        assert_eq!(options.checked_tenant(None).unwrap(), Some("a"));
        assert!(options.checked_tenant(Some("a")).is_ok());
        assert!(options.checked_tenant(Some("b")).is_err());
        let nobody = SessionOptions::new();
        assert_eq!(nobody.checked_tenant(Some("b")).unwrap(), Some("b"));
        assert_eq!(nobody.checked_tenant(None).unwrap(), None);
    }

    #[test]
    fn a_tenant_has_a_name_that_can_be_shown() {
        for name in ["", "a\0", "a\nb", &"x".repeat(257)] {
            let options = SessionOptions::new().tenant(name);
            assert!(options.checked_tenant(None).is_err(), "{name:?}");
        }
    }
}
