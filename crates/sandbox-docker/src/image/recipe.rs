//! The build recipe of a runtime's image: a Dockerfile and its files.
//!
//! Input from a runtime is never parsed as a Dockerfile: there are only `FROM` with an image's id, `USER` and `ARG` with a
//! checked name, `ADD` of a file with a fixed name, and `RUN` with a JSON list, which no builder expands. Only the `setup`
//! scripts come from the user; packages, paths and users are arguments of fixed scripts.

use backend_core::{Error, PackageManager, PackageSet, Result, RuntimeConfig};
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::pull::ImageInfo;
use super::{BuildOptions, tag};

/// To be changed whenever the same runtime leads to a different image.
const FORMAT: &str = "1";

/// The longest line that all builders read is 64 KiB.
const MAX_LINE_BYTES: usize = 60_000;

/// The file next to the Dockerfile that holds the files of the options.
const FILES: &str = "files.tar";

const PIP: [&str; 9] = [
    "env",
    // Debian's Python reserves package installation for the distribution otherwise; in an image there is no conflict.
    "PIP_BREAK_SYSTEM_PACKAGES=1",
    "PIP_DISABLE_PIP_VERSION_CHECK=1",
    "PIP_NO_INPUT=1",
    "PIP_ROOT_USER_ACTION=ignore",
    "python3",
    "-m",
    "pip",
    "install",
];

/// Installs uv if it is missing, and uses it to install packages into the Python that commands will find.
const UV: &str = "set -e
command -v uv >/dev/null ||
    PIP_BREAK_SYSTEM_PACKAGES=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \\
    python3 -m pip install --quiet --no-cache-dir uv
exec uv pip install --system --break-system-packages --no-cache -- \"$@\"";

/// Installs packages in a separate directory, which a mount over the work directory does not hide. `npm install --global` would
/// put them where nothing can import them.
const NPM: &str = "set -e
mkdir -p /usr/local/lib/agent-backends/npm
cd /usr/local/lib/agent-backends/npm
npm install --no-audit --no-fund --no-update-notifier --cache=/tmp/agent-backends-npm -- \"$@\"
rm -rf /tmp/agent-backends-npm";

/// Links those packages into the work directory ($1), where `require` and `import` look for them. `npm install` replaces the link
/// with a directory containing everything in `package.json`. Existing files stay.
pub(crate) const LINK: &str = "set -e
from=/usr/local/lib/agent-backends/npm
cd \"$1\"
if [ -d $from/node_modules ] && [ ! -e node_modules ] && [ ! -L node_modules ]; then
    ln -s $from/node_modules node_modules
    if [ ! -e package.json ]; then cp $from/package.json .; fi
fi";

/// A missing name is an error, and is not treated as a regular expression that matches others.
const APT: &str = "set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends -o APT::Cmd::Pattern-Only=true -- \"$@\"
apt-get clean
rm -rf /var/lib/apt/lists/*";

const CARGO: &str = "set -e
cargo install --locked --root /usr/local -- \"$@\"
rm -rf \"${CARGO_HOME:-$HOME/.cargo}/registry\"";

/// Runs a line of shell ($2) in the work directory ($1).
const SETUP: &str = "cd \"$1\" && exec /bin/sh -c \"$2\"";

/// Changes the owner of root's files in the work directory ($1) to the user ($2). Files that the user already owns are not
/// touched: they would be in the image twice. An image without `find` cannot tell them apart.
const GIVE: &str = "set -e
chown \"$2\" \"$1\"
if command -v find >/dev/null; then exec find \"$1\" -xdev -user 0 -exec chown -h \"$2\" {} +; fi
exec chown -R -h \"$2\" \"$1\"";

/// Everything needed for a build.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) runtime: String,
    pub(super) cache: bool,
    pub(super) options: BuildOptions,
    dockerfile: String,
    titles: Vec<String>,
    files: Option<Bytes>,
}

impl Recipe {
    /// Returns the recipe of a runtime on a base image, or `None` if there is nothing to install.
    pub(super) fn new(
        runtime: &RuntimeConfig,
        base: &ImageInfo,
        options: &BuildOptions,
    ) -> Result<Option<Self>> {
        options.check()?;
        let packages = || {
            runtime
                .packages()
                .iter()
                .filter(|set| !set.names.is_empty())
        };
        if packages().next().is_none() && runtime.setup().is_empty() && options.files.is_empty() {
            return Ok(None);
        }
        let mut recipe = Self {
            runtime: runtime.name().to_owned(),
            cache: runtime.cache(),
            options: options.clone(),
            dockerfile: String::new(),
            titles: Vec::new(),
            files: None,
        };
        recipe.step("the base image", &format!("FROM {}", base.id))?;
        let own_user = own_user(runtime.name(), base)?;
        if own_user.is_some() {
            recipe.step("root as the user of the steps", "USER 0")?;
        }
        for name in options.args.keys() {
            recipe.step("an argument", &format!("ARG {name}"))?;
        }
        if !options.files.is_empty() {
            recipe.files = Some(files(options)?);
            recipe.step("files", &format!("ADD {FILES} /"))?;
        }
        let dir = runtime.work_dir().as_str();
        recipe.run("the work directory", &["mkdir", "-p", dir])?;
        for set in packages() {
            recipe.install(set)?;
        }
        if packages().any(|set| set.manager == PackageManager::Npm) {
            recipe.script("the packages in the work directory", LINK, &[dir])?;
        }
        for line in runtime.setup() {
            let title = format!("setup: {line}");
            recipe.script(&title, SETUP, &[dir, line])?;
        }
        if let Some(user) = runtime.user().or(own_user) {
            recipe.script("the owner of the work directory", GIVE, &[dir, user])?;
        }
        if base.checks_health {
            recipe.step("no check of health", "HEALTHCHECK NONE")?;
        }
        if let Some(user) = own_user {
            recipe.step("the user of the base image", &format!("USER {user}"))?;
        }
        Ok(Some(recipe))
    }

    /// Returns the name of the image: it differs exactly when the image would differ.
    pub(super) fn tag(&self) -> String {
        tag::of(&self.runtime, &self.digest())
    }

    /// Returns the digest of everything that affects the image. The name, description and environment of the runtime do not.
    pub(super) fn digest(&self) -> String {
        let mut digest = Sha256::new();
        let mut add = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_le_bytes());
            digest.update(bytes);
        };
        add(FORMAT.as_bytes());
        add(self.dockerfile.as_bytes());
        add(self.files.as_deref().unwrap_or_default());
        for (name, value) in self.options.own_args() {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        let digest = digest.finalize();
        digest
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Returns the titles of the steps, in order.
    pub(super) fn titles(&self) -> &[String] {
        &self.titles
    }

    /// Returns the build context for the engine: the Dockerfile and the files, as a tar file.
    pub(super) fn context(&self) -> Result<Bytes> {
        let mut tar = tar::Builder::new(Vec::new());
        append(&mut tar, "Dockerfile", self.dockerfile.as_bytes())?;
        if let Some(files) = &self.files {
            append(&mut tar, FILES, files)?;
        }
        tar.into_inner()
            .map(Bytes::from)
            .map_err(|error| tar_failed(&error))
    }

    fn install(&mut self, set: &PackageSet) -> Result<()> {
        let names: Vec<&str> = set.names.iter().map(String::as_str).collect();
        let title = |manager: &str| format!("{manager}: {}", names.join(" "));
        let with = |first: &[&'static str]| -> Vec<&str> {
            first.iter().copied().chain(names.iter().copied()).collect()
        };
        match set.manager {
            PackageManager::Pip => {
                let mut command = PIP.to_vec();
                command.extend(with(&["--no-cache-dir", "--"]));
                self.run(&title("pip"), &command)
            }
            PackageManager::Uv => self.script(&title("uv"), UV, &with(&[])),
            PackageManager::Npm => self.script(&title("npm"), NPM, &with(&[])),
            PackageManager::Apt => self.script(&title("apt"), APT, &with(&[])),
            PackageManager::Cargo => self.script(&title("cargo"), CARGO, &with(&[])),
            _ => Err(Error::unsupported(
                "a package manager that this version does not know",
            )),
        }
    }

    /// Adds a step that runs a script, with arguments available as `$1` and so on.
    fn script(&mut self, title: &str, script: &str, args: &[&str]) -> Result<()> {
        let mut command = vec!["/bin/sh", "-c", script, "sh"];
        command.extend(args);
        self.run(title, &command)
    }

    /// Adds a step that runs a command.
    fn run(&mut self, title: &str, command: &[&str]) -> Result<()> {
        if command.iter().any(|arg| arg.contains('\0')) {
            return Err(Error::invalid_request(
                "a NUL cannot be an argument of a command",
            ));
        }
        // In JSON a newline is `\n`, so this is one line of the Dockerfile for any arguments.
        self.step(title, &format!("RUN {}", Value::from(command.to_vec())))
    }

    fn step(&mut self, title: &str, line: &str) -> Result<()> {
        if line.len() > MAX_LINE_BYTES {
            let title: String = title.chars().take(80).collect();
            return Err(Error::invalid_request(format!(
                "runtime '{}': the step '{title}' is longer than {MAX_LINE_BYTES} bytes",
                self.runtime
            )));
        }
        self.titles.push(title.to_owned());
        self.dockerfile.push_str(line);
        self.dockerfile.push('\n');
        Ok(())
    }
}

/// Returns the user of the base image, if that is not root already.
///
/// It becomes a word of the Dockerfile, in which builders expand variables, so only a plain name or number is accepted.
fn own_user<'a>(runtime: &str, base: &'a ImageInfo) -> Result<Option<&'a str>> {
    let user = base.user.as_deref().unwrap_or_default();
    if matches!(user, "" | "0" | "root" | "0:0" | "root:root") {
        return Ok(None);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
    if user.starts_with('-') || !user.chars().all(plain) {
        return Err(Error::invalid_request(format!(
            "runtime '{runtime}': the base image has a user that cannot be kept: '{}'",
            user.escape_debug()
        )));
    }
    Ok(Some(user))
}

/// Returns the files of the options as a tar file that the builder unpacks at the root.
fn files(options: &BuildOptions) -> Result<Bytes> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in &options.files {
        append(&mut tar, path.as_str().trim_start_matches('/'), content)?;
    }
    tar.into_inner()
        .map(Bytes::from)
        .map_err(|error| tar_failed(&error))
}

/// Adds a file owned by root, with identical bytes for identical content, because the builder's cache compares them.
fn append(tar: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    tar.append_data(&mut header, path, content)
        .map_err(|error| tar_failed(&error))
}

fn tar_failed(error: &std::io::Error) -> Error {
    Error::invalid_request(format!(
        "a file of the build cannot be packed: {}",
        error.kind()
    ))
}

#[cfg(test)]
mod tests;
