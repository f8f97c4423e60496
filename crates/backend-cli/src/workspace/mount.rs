//! `--mount /docs=../handbook:ro`: a directory of this machine below a path of the workspace.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use backend_core::{Backend, Durability, VirtualPath};
use backend_fs::FsBackend;
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::failure::{Failure, Result};

/// A mount as requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    at: VirtualPath,
    directory: PathBuf,
    read_only: bool,
}

/// A mount that is open.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) at: VirtualPath,
    pub(crate) backend: Arc<dyn Backend>,
}

/// Returns the parser for the option. A directory need not be UTF-8.
pub(crate) fn parser() -> impl TypedValueParser<Value = Mount> {
    OsStringValueParser::new().try_map(|text| Mount::parse(&text))
}

impl Mount {
    fn parse(text: &OsStr) -> Result<Self, String> {
        const TAKES: &str =
            "expected a path of the workspace and a directory, such as /docs=../handbook:ro";
        let bytes = text.as_bytes();
        let equals = bytes.iter().position(|&byte| byte == b'=');
        let (at, rest) = equals
            .and_then(|at| bytes.split_at_checked(at))
            .ok_or(TAKES)?;
        let rest = rest.strip_prefix(b"=").unwrap_or(rest);
        let (directory, read_only) = match rest.strip_suffix(b":ro") {
            Some(directory) => (directory, true),
            None => (rest.strip_suffix(b":rw").unwrap_or(rest), false),
        };
        if at.is_empty() || directory.is_empty() {
            return Err(TAKES.to_owned());
        }
        let at = std::str::from_utf8(at).map_err(|_| "the path is not UTF-8".to_owned())?;
        let at = VirtualPath::parse(at).map_err(|error| error.to_string())?;
        if at.is_root() {
            return Err("the root is set by --root or --state".to_owned());
        }
        Ok(Self {
            at,
            directory: OsString::from_vec(directory.to_vec()).into(),
            read_only,
        })
    }

    /// Returns the path of the workspace.
    #[cfg(feature = "docker")]
    pub(crate) fn at(&self) -> &VirtualPath {
        &self.at
    }

    /// Returns the directory of this machine.
    #[cfg(feature = "docker")]
    pub(crate) fn directory(&self) -> &std::path::Path {
        &self.directory
    }

    /// Returns the access of a container to it.
    #[cfg(feature = "docker")]
    pub(crate) fn access(&self) -> sandbox_docker::Access {
        if self.read_only {
            sandbox_docker::Access::ReadOnly
        } else {
            sandbox_docker::Access::ReadWrite
        }
    }

    /// Opens the directory.
    ///
    /// # Errors
    ///
    /// `Opening` if it cannot be opened.
    pub(crate) fn open(&self, durability: Durability) -> Result<Opened> {
        let mut builder = FsBackend::builder(&self.directory).durability(durability);
        if self.read_only {
            builder = builder.read_only();
        }
        let backend = builder.build().map_err(|error| {
            let what = format!("--mount {}={}", self.at, self.directory.display());
            Failure::Opening(what, error)
        })?;
        Ok(Opened {
            at: self.at.clone(),
            backend: Arc::new(backend),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::Mount;

    #[test]
    fn a_mount_has_a_path_a_directory_and_maybe_a_mode() {
        for (text, at, directory, read_only) in [
            ("/docs=../handbook", "/docs", "../handbook", false),
            ("docs=/a=b:ro", "/docs", "/a=b", true),
            ("/a/b=c:rw", "/a/b", "c", false),
            ("/a=c:d", "/a", "c:d", false),
        ] {
            let mount = Mount::parse(text.as_ref()).unwrap();
            assert_eq!(mount.at, at);
            assert_eq!(mount.directory.as_os_str(), directory);
            assert_eq!(mount.read_only, read_only, "{text}");
        }
        let odd = Mount::parse(OsStr::from_bytes(b"/a=\xff:ro")).unwrap();
        assert_eq!(odd.directory.as_os_str().as_bytes(), b"\xff");
    }

    #[test]
    fn an_invalid_mount_is_refused() {
        for text in ["", "/a", "=/a", "/a=", "/=/tmp", "/a/../b=/tmp", "/a=:ro"] {
            assert!(Mount::parse(text.as_ref()).is_err(), "{text}");
        }
        assert!(Mount::parse(OsStr::from_bytes(b"/\xff=/tmp")).is_err());
    }
}
