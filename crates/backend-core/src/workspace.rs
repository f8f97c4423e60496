//! Where the files of a sandbox are kept when they outlive it, in words that a provider understands.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::name::{NameRule, checked_name};
use crate::{Error, Result};

/// The longest [`VolumeName`], in bytes.
pub const MAX_VOLUME_NAME_BYTES: usize = 128;

/// Docker reserves names of one character.
const RULE: NameRule = NameRule {
    what: "volume name",
    min_bytes: 2,
    max_bytes: MAX_VOLUME_NAME_BYTES,
    punctuation: &['.', '_', '-'],
    allowed: "a-z, 0-9, '.', '_' and '-'",
};

/// Where the files in the work directory of a sandbox are kept, so that they outlive it. Set only by an operator.
///
/// A provider implements a kind of workspace or refuses it as [unsupported](Self::unsupported); it never ignores one.
/// Destroying a sandbox leaves its workspace as it is.
///
/// # Examples
///
/// ```
/// use backend_core::{SandboxId, SandboxSpec, VolumeName, Workspace};
///
/// # fn main() -> backend_core::Result<()> {
/// let spec = SandboxSpec::new(SandboxId::parse("user-1")?)
///     .workspace(Workspace::Volume(VolumeName::parse("files-of-user-1")?));
/// assert_eq!(spec.workspace.unwrap().kind(), "a named volume");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Workspace {
    /// A directory of the provider's host, which must exist.
    HostDirectory(PathBuf),
    /// A volume of the provider's engine, which is created if it does not exist.
    Volume(VolumeName),
}

impl Workspace {
    /// Returns what kind of workspace it is, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::HostDirectory(_) => "a directory of the host",
            Self::Volume(_) => "a named volume",
        }
    }

    /// Returns the directory, if it is one of the host.
    pub fn host_directory(&self) -> Option<&Path> {
        match self {
            Self::HostDirectory(directory) => Some(directory),
            Self::Volume(_) => None,
        }
    }

    /// Makes the error of a provider without workspaces of this kind. It names the kind.
    pub fn unsupported(&self) -> Error {
        Error::unsupported(format!("a workspace in {}", self.kind()))
    }
}

/// The name of a volume: 2 to 128 of `a-z`, `0-9`, `.`, `_` and `-`, starting with a letter or a digit.
///
/// Every such name is one of a Docker volume. It has no case to collide, is never a path, and needs no quotes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VolumeName(Arc<str>);

impl VolumeName {
    /// Parses a name.
    ///
    /// # Errors
    ///
    /// Returns `invalid_request` for an invalid name.
    pub fn parse(text: impl AsRef<str>) -> Result<Self> {
        let text = text.as_ref();
        RULE.check(text)?;
        Ok(Self(text.into()))
    }
}

checked_name!(VolumeName);

#[cfg(test)]
mod tests {
    use super::{VolumeName, Workspace};
    use crate::ErrorKind;

    #[test]
    fn a_plain_name_names_a_volume() {
        for name in ["aa", "0.x", "files_of-user.1", &"a".repeat(128)] {
            assert_eq!(VolumeName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_name_that_could_be_a_path_an_option_or_collide_is_refused() {
        let long = "a".repeat(10_000);
        for name in [
            "", "a", "../x", "/x", "a/b", "a:b", "a,b", "a\0", "Aa", "ü1", "-a", "_a", ".a", "..",
            &long,
        ] {
            let error = VolumeName::parse(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{name:?}");
            assert!(error.to_string().len() < 700);
        }
        assert!(serde_json::from_str::<VolumeName>("\"../x\"").is_err());
    }

    #[test]
    fn a_refused_kind_is_named_and_the_place_is_not() {
        let name = VolumeName::parse("secret").unwrap();
        for workspace in [
            Workspace::HostDirectory("/secret".into()),
            Workspace::Volume(name),
        ] {
            let error = workspace.unsupported();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains(workspace.kind()), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_workspace_is_plain_json() {
        let directory = Workspace::HostDirectory("/srv/a".into());
        let volume = Workspace::Volume(VolumeName::parse("a-1").unwrap());
        for (workspace, json) in [
            (directory, r#"{"host_directory":"/srv/a"}"#),
            (volume, r#"{"volume":"a-1"}"#),
        ] {
            assert_eq!(serde_json::to_string(&workspace).unwrap(), json);
            assert_eq!(serde_json::from_str::<Workspace>(json).unwrap(), workspace);
        }
        assert!(serde_json::from_str::<Workspace>(r#"{"volume":"/etc"}"#).is_err());
    }
}
