//! What is chosen about a build, beside the runtime itself.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use backend_core::{Error, Result, VirtualPath};
use bytes::Bytes;

use super::PullPolicy;

/// How long a build may take unless it is given another time: 30 minutes.
pub const DEFAULT_BUILD_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Arguments that every builder knows, and that have no part in what is built.
const PROXIES: [&str; 5] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];

/// How the image of a runtime is built.
///
/// By default it needs nothing: the base image is pulled if it is missing, and packages come over the engine's default
/// network. Behind a proxy, or with certificates of one's own:
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
    /// The network that packages come over: `host`, `none`, or the name of one; the engine's default if there is none.
    pub network: Option<String>,
    /// Variables in the environment of every step of the build, and of no command after it. The values of `HTTP_PROXY`
    /// and the like have no part in the digest. Those of others have, and can be read in the image's history: they are
    /// no place for a secret.
    pub args: BTreeMap<String, String>,
    /// Files that the image has before anything is installed, of root and readable by all.
    pub files: BTreeMap<VirtualPath, Bytes>,
    /// How long the build may take; [`DEFAULT_BUILD_TIMEOUT`] by default.
    pub timeout: Duration,
}

impl BuildOptions {
    /// Makes the defaults.
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

    /// Sets the network that packages come over.
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

    /// Adds a file that the image has before anything is installed.
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

    /// Refuses what would be something else than it looks like to the builder.
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
                return refuse("the name of a build argument has A-Z, a-z, 0-9 and '_' alone");
            }
            if value.contains('\0') {
                return refuse("the value of a build argument has a NUL in it");
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

    /// Returns the arguments that have a part in what is built.
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

/// Values of arguments and contents of files are not for a log.
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
    fn proxies_have_no_part_in_what_is_built() {
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
