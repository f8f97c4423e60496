//! What a sandbox provider is asked to create, and what it can do.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::name::{NameRule, checked_name};
use crate::{Result, RuntimeConfig, Workspace};

/// The longest [`SandboxId`], in bytes.
pub const MAX_ID_BYTES: usize = 64;

const RULE: NameRule = NameRule {
    what: "sandbox id",
    min_bytes: 1,
    max_bytes: MAX_ID_BYTES,
    punctuation: &['-', '_'],
    allowed: "a-z, 0-9, '-' and '_'",
};

/// The id of a sandbox: 1 to 64 of `a-z`, `0-9`, `-` and `_`, starting with a letter or a digit.
///
/// It is therefore the same on every file system and in every engine: no case to collide, no path in it, nothing to quote.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SandboxId(Arc<str>);

impl SandboxId {
    /// Parses an id.
    ///
    /// # Errors
    ///
    /// Returns `invalid_request` for an invalid id.
    pub fn parse(text: impl AsRef<str>) -> Result<Self> {
        let text = text.as_ref();
        RULE.check(text)?;
        Ok(Self(text.into()))
    }
}

checked_name!(SandboxId);

/// What kind of sandbox to create, in terms that every provider understands. Providers have further settings of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SandboxSpec {
    /// Its id.
    pub id: SandboxId,
    /// What is installed in it; the provider's default if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeConfig>,
    /// Environment variables of everything that runs in it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Labels for the operator.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Where the files of its work directory are kept, so that they outlive it. Set only by an operator. A provider without
    /// workspaces of this kind answers `unsupported`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Workspace>,
}

impl SandboxSpec {
    /// Makes a specification with only an id.
    pub fn new(id: SandboxId) -> Self {
        Self {
            id,
            runtime: None,
            env: BTreeMap::new(),
            labels: BTreeMap::new(),
            workspace: None,
        }
    }

    /// Sets what is installed in it.
    #[must_use]
    pub fn runtime(mut self, runtime: RuntimeConfig) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Sets where the files of its work directory are kept.
    #[must_use]
    pub fn workspace(mut self, workspace: Workspace) -> Self {
        self.workspace = Some(workspace);
        self
    }
}

/// What a provider can do beyond creating and destroying sandboxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ProviderFeatures {
    /// A sandbox can be suspended, and resumed with its files.
    pub suspends: bool,
    /// The directory of a [`Workspace::HostDirectory`] may be renamed while a sandbox uses it, and the sandbox keeps it.
    pub workspace_moves: bool,
    /// It has [`Workspace::Volume`]; without it, one is refused as `unsupported`.
    pub volumes: bool,
}

impl ProviderFeatures {
    /// Returns features with nothing declared.
    pub const fn none() -> Self {
        Self {
            suspends: false,
            workspace_moves: false,
            volumes: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SandboxId;

    #[test]
    fn a_plain_name_is_an_id() {
        for name in ["a", "user-123", "0_x", &"a".repeat(64)] {
            assert_eq!(SandboxId::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn an_id_that_could_be_a_path_or_collide_is_refused() {
        let long = "a".repeat(10_000);
        for name in [
            "", "../x", "/x", "a/b", "a\0", "A", "ü", "а", "-a", "_a", "a b", ".", &long,
        ] {
            let error = SandboxId::parse(name).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidRequest, "{name:?}");
            assert!(error.to_string().len() < 600);
        }
        assert!(serde_json::from_str::<SandboxId>("\"../x\"").is_err());
    }
}
