//! The options of a session, and its id.

use std::collections::BTreeMap;
use std::time::Duration;

use backend_core::{Error, Result, RuntimeConfig, SandboxId};

/// Maximum length of a tenant's name, in bytes.
const MAX_TENANT_BYTES: usize = 256;

/// Options of a session, for [`get_or_create_with`](crate::SessionManager::get_or_create_with).
///
/// An unset option means the manager's default for a new session, and is ignored for an existing one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionOptions {
    /// The runtime of its sandbox. A session keeps its runtime: another one is refused.
    pub runtime: Option<RuntimeConfig>,
    /// The tenant that the session belongs to. No other tenant reaches it.
    pub tenant: Option<String>,
    /// How long it may be unused before its sandbox is stopped. It applies at once, even to an existing session.
    pub idle_timeout: Option<Duration>,
    /// Labels on its sandbox, for an operator. They change with the next sandbox; they are refused while a sandbox with others
    /// runs.
    pub labels: BTreeMap<String, String>,
    /// Environment variables of everything that runs in it. They are stored in the session's record, and change with the next
    /// sandbox; they are refused while a sandbox with others runs.
    pub env: BTreeMap<String, String>,
}

impl SessionOptions {
    /// Creates options with nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the runtime of the sandbox.
    #[must_use]
    pub fn runtime(mut self, runtime: RuntimeConfig) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Sets the tenant that the session belongs to.
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

    /// Adds a label to the sandbox.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Returns the effective tenant within the caller's scope.
    pub(crate) fn checked_tenant<'a>(&'a self, scope: Option<&'a str>) -> Result<Option<&'a str>> {
        match (self.tenant.as_deref(), scope) {
            (Some(asked), Some(scope)) if asked != scope => Err(Error::invalid_request(
                "the manager is scoped to another tenant",
            )),
            (asked, scope) => {
                let tenant = asked.or(scope);
                tenant.map_or(Ok(()), check_tenant)?;
                Ok(tenant)
            }
        }
    }
}

/// Refuses unusable tenant names.
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

/// Converts to a session id: a [`SandboxId`], or a string that is a valid one.
///
/// A path is never made from an unchecked string.
pub trait IntoSessionId {
    /// Returns the id.
    ///
    /// # Errors
    ///
    /// `invalid_request` for an invalid id.
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
