//! The options of a build, in addition to the runtime itself.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use backend_core::{Error, Result, VirtualPath};
use bytes::Bytes;

use super::PullPolicy;

/// Default time limit of a build: 30 minutes.
pub const DEFAULT_BUILD_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Arguments that every builder knows, and that do not affect the image.
const PROXIES: [&str; 5] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];

/// How the image of a runtime is built.
///
/// By default nothing has to be set: the base image is pulled if it is missing, and packages come over the engine's default
/// network. Behind a proxy, or with custom certificates:
///
/// ```
/// use backend_core::VirtualPath;
/// use sandbox_docker::BuildOptions;
///
/// let options = BuildOptions::new()
///     .with_network("host")
///     .with_arg("HTTPS_PROXY", "http://proxy.example:3128")
///     .with_file(VirtualPath::parse("/etc/ssl/certs/ca-certificates.crt")?, "-----BEGIN CERTIFICATE-----\n...");
/// # let _ = options;
/// # Ok::<(), backend_core::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct BuildOptions {
    /// When the base image, or a ready one, is pulled.
    pub pull: PullPolicy,
    /// The network for downloading packages: `host`, `none`, or a name; `None` means the engine's default.
    pub network: Option<String>,
    /// Environment variables of the build's steps, but not of later commands. The values of `HTTP_PROXY` and the like are not
    /// part of the digest. The values of all others are, and can be read in the image's history: do not put secrets there.
    pub args: BTreeMap<String, String>,
    /// Files added to the image before anything is installed, owned by root and readable by all.
    pub files: BTreeMap<VirtualPath, Bytes>,
    /// How long the build may take; [`DEFAULT_BUILD_TIMEOUT`] by default.
    pub timeout: Duration,
}

impl BuildOptions {
    /// Returns the defaults.
    pub fn new() -> Self {
        Self {
            pull: PullPolicy::Missing,
            network: None,
            args: BTreeMap::new(),
            files: BTreeMap::new(),
            timeout: DEFAULT_BUILD_TIMEOUT,
        }
    }

    /// Sets when the base image, or a ready one, is pulled.
    #[must_use]
    pub fn with_pull(mut self, pull: PullPolicy) -> Self {
        self.pull = pull;
        self
    }

    /// Sets the network for downloading packages.
    #[must_use]
    pub fn with_network(mut self, network: impl Into<String>) -> Self {
        self.network = Some(network.into());
        self
    }

    /// Adds a variable to the environment of the build's steps.
    #[must_use]
    pub fn with_arg(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.args.insert(name.into(), value.into());
        self
    }

    /// Adds a file to the image before anything is installed.
    #[must_use]
    pub fn with_file(mut self, path: VirtualPath, content: impl Into<Bytes>) -> Self {
        self.files.insert(path, content.into());
        self
    }

    /// Sets how long the build may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Rejects values that the builder would interpret differently.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(network) = &self.network {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            let starts = network.starts_with(|c: char| c.is_ascii_alphanumeric());
            if !starts || network.len() > 255 || !network.chars().all(plain) {
                return refuse("the network of a build is 'host', 'none' or the name of one");
            }
        }
        for (name, value) in &self.args {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let digit = name.starts_with(|c: char| c.is_ascii_digit());
            if name.is_empty() || name.len() > 255 || digit || !name.chars().all(plain) {
                return refuse("the name of a build argument may only have A-Z, a-z, 0-9 and '_'");
            }
            if value.contains('\0') {
                return refuse("the value of a build argument must not contain a NUL");
            }
        }
        if self.files.keys().any(VirtualPath::is_root) {
            return refuse("a file of a build cannot be the root");
        }
        if self.timeout.is_zero() {
            return refuse("the timeout of a build cannot be zero");
        }
        Ok(())
    }

    /// Returns the arguments that affect the image.
    pub(super) fn own_args(&self) -> impl Iterator<Item = (&String, &String)> {
        let proxy = |name: &str| PROXIES.iter().any(|known| known.eq_ignore_ascii_case(name));
        self.args.iter().filter(move |(name, _)| !proxy(name))
    }
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Values of arguments and contents of files must not be logged.
impl fmt::Debug for BuildOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuildOptions")
            .field("pull", &self.pull)
            .field("network", &self.network)
            .field("args", &self.args.keys())
            .field("files", &self.files.keys())
            .field("timeout", &self.timeout)
            .finish()
    }
}

fn refuse(message: &str) -> Result<()> {
    Err(Error::invalid_request(message))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use backend_core::VirtualPath;

    use super::BuildOptions;

    #[test]
    fn only_plain_names_reach_the_builder() {
        let new = BuildOptions::new;
        assert!(new().check().is_ok());
        for network in ["host", "none", "bridge", "my_net-1.x"] {
            assert!(new().with_network(network).check().is_ok(), "{network}");
        }
        for network in ["", "container:x", "a b", "-x", "a\nb", "$(id)"] {
            assert!(new().with_network(network).check().is_err(), "{network}");
        }
        for name in ["", "1A", "A B", "A\nRUN id", "A=b", "$A", "é"] {
            assert!(new().with_arg(name, "x").check().is_err(), "{name}");
        }
        assert!(new().with_arg("A", "\0").check().is_err());
        assert!(new().with_arg("A", "a\nRUN id").check().is_ok());
        assert!(new().with_file(VirtualPath::root(), "").check().is_err());
        assert!(new().with_timeout(Duration::ZERO).check().is_err());
    }

    #[test]
    fn proxies_do_not_affect_the_image() {
        let options = BuildOptions::new()
            .with_arg("https_proxy", "a")
            .with_arg("NO_PROXY", "b")
            .with_arg("PIP_INDEX_URL", "c");
        let own: Vec<_> = options.own_args().map(|(name, _)| name.as_str()).collect();
        assert_eq!(own, ["PIP_INDEX_URL"]);
    }

    #[test]
    fn values_are_not_shown() {
        let options = BuildOptions::new().with_arg("TOKEN", "secret");
        let shown = format!("{options:?}");
        assert!(
            shown.contains("TOKEN") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
