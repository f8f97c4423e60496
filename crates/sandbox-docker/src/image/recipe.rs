//! What a runtime's image is built from: a Dockerfile and the files beside it.
//!
//! Nothing that came from a runtime is ever read as a Dockerfile: there are `FROM` with an image's id, `USER` and `ARG` with a
//! checked name, `ADD` of a file with a fixed name, and `RUN` with a JSON list, which no builder expands. Of the scripts in such a list only those
//! of `setup` are a user's; packages, paths and users are arguments of fixed ones.

use backend_core::{Error, PackageManager, PackageSet, Result, RuntimeConfig};
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::pull::Found;
use super::{BuildOptions, tag};

/// Changes whenever the same runtime gives another image.
const FORMAT: &str = "1";

/// The longest line that every builder reads is 64 KiB.
const LONGEST_LINE: usize = 60_000;

/// The file beside the Dockerfile that holds the files of the options.
const FILES: &str = "files.tar";

const PIP: [&str; 9] = [
    "env",
    // Debian's Python takes packages for its own otherwise. Nobody else's are in an image.
    "PIP_BREAK_SYSTEM_PACKAGES=1",
    "PIP_DISABLE_PIP_VERSION_CHECK=1",
    "PIP_NO_INPUT=1",
    "PIP_ROOT_USER_ACTION=ignore",
    "python3",
    "-m",
    "pip",
    "install",
];

/// Installs uv where it is not there, and packages by it into the Python that commands will find.
const UV: &str = "set -e
command -v uv >/dev/null ||
    PIP_BREAK_SYSTEM_PACKAGES=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \\
    python3 -m pip install --quiet --no-cache-dir uv
exec uv pip install --system --break-system-packages --no-cache -- \"$@\"";

/// Installs packages in a place of their own, which nothing that is mounted over the work directory hides.
/// `npm install --global` would put them where nothing can import them.
const NPM: &str = "set -e
mkdir -p /usr/local/lib/agent-backends/npm
cd /usr/local/lib/agent-backends/npm
npm install --no-audit --no-fund --no-update-notifier --cache=/tmp/agent-backends-npm -- \"$@\"
rm -rf /tmp/agent-backends-npm";

/// Makes those packages known in the work directory ($1), where `require` and `import` look for them: as a link, which
/// `npm install` replaces by a directory with all that the list says. What is there already stays.
pub(super) const LINK: &str = "set -e
from=/usr/local/lib/agent-backends/npm
cd \"$1\"
if [ -d $from/node_modules ] && [ ! -e node_modules ] && [ ! -L node_modules ]; then
    ln -s $from/node_modules node_modules
    if [ ! -e package.json ]; then cp $from/package.json .; fi
fi";

/// A name that there is not is none, and no regular expression that others match.
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

/// Gives what root made in the work directory ($1) to the user ($2). What is the user's already is not touched: it would
/// be in the image twice.
const GIVE: &str =
    "chown \"$2\" \"$1\" && exec find \"$1\" -xdev -user 0 -exec chown -h \"$2\" {} +";

/// Everything that a build is made of.
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
    /// Writes the recipe of a runtime on a base image. There is none if nothing is to be installed.
    pub(super) fn new(
        runtime: &RuntimeConfig,
        base: &Found,
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

    /// Returns the name of the image: another one for whatever would give another image, and the same one otherwise.
    pub(super) fn tag(&self) -> String {
        tag::of(&self.runtime, &self.digest())
    }

    /// Returns the digest of what matters to the image. What the runtime is called, is for, and has in its environment
    /// does not.
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

    /// Returns what the steps do, in order, in words for people.
    pub(super) fn titles(&self) -> &[String] {
        &self.titles
    }

    /// Returns what the engine is sent: the Dockerfile and the files, as a tar file.
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
            _ => Err(Error::unsupported("a package manager of another version")),
        }
    }

    /// Adds a step that runs a script, with arguments that the script finds in `$1` and so on.
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
        // As JSON a newline is `\n`: whatever the arguments are, this is one line of the Dockerfile.
        self.step(title, &format!("RUN {}", Value::from(command.to_vec())))
    }

    fn step(&mut self, title: &str, line: &str) -> Result<()> {
        if line.len() > LONGEST_LINE {
            let title: String = title.chars().take(80).collect();
            return Err(Error::invalid_request(format!(
                "runtime '{}': the step '{title}' is longer than {LONGEST_LINE} bytes",
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
/// It becomes a word of the Dockerfile, in which builders expand variables: what is no plain name or number is refused.
fn own_user<'a>(runtime: &str, base: &'a Found) -> Result<Option<&'a str>> {
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

/// Returns the files of the options as a tar file, which the builder unpacks at the root.
fn files(options: &BuildOptions) -> Result<Bytes> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in &options.files {
        append(&mut tar, path.as_str().trim_start_matches('/'), content)?;
    }
    tar.into_inner()
        .map(Bytes::from)
        .map_err(|error| tar_failed(&error))
}

/// Adds a file of root, always the same bytes for the same content, for the builder's cache compares them.
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
