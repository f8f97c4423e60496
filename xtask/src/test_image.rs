//! `cargo xtask test-image`: makes the images that the tests with Docker run in.
//!
//! They are made only of Debian's packages, so that an engine that cannot pull has them too. The files that the host needs
//! to reach a package index (its certificates, its configuration of pip and npm) are copied into them, so they are
//! only for tests on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use crate::Result;
use crate::shell::Cmd;
use crate::workspace::Workspace;

/// The release of Debian.
const SUITE: &str = "bookworm";

/// The label of every image; its value identifies what the image was made of.
const LABEL: &str = "agent-backends.test-image";

/// An image: its name, and the packages in addition to Debian's smallest system; `None` if it has no system.
struct Image {
    name: &'static str,
    packages: Option<&'static [&'static str]>,
}

/// The image that examples run in.
pub(crate) const DEBIAN: &str = "agent-backends-test/debian:latest";

const IMAGES: &[Image] = &[
    Image {
        name: "agent-backends-test/scratch:latest",
        packages: None,
    },
    Image {
        name: DEBIAN,
        packages: Some(&[
            "ca-certificates",
            "git",
            "procps",
            "python-is-python3",
            "python3",
            "python3-pip",
            "python3-venv",
        ]),
    },
    Image {
        name: "agent-backends-test/node:latest",
        packages: Some(&["ca-certificates", "nodejs", "npm"]),
    },
];

/// Files of the host that an image has at the same path, for containers that share the host's network.
const HOST_FILES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pip.conf",
    "/etc/npmrc",
];

/// The options of the command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    force: bool,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Self> {
        match args {
            [] => Ok(Self::default()),
            [option] if option == "--force" => Ok(Self { force: true }),
            _ => Err("test-image takes only --force".to_owned()),
        }
    }
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if !engine_answers() {
        return Err(
            "no Docker engine answers; install and start one, as .ci/run does, or set DOCKER_HOST"
                .to_owned(),
        );
    }
    make(&workspace.target, options).map(|notes| notes.iter().for_each(|note| println!("{note}")))
}

/// Returns whether the `docker` command exists and reaches an engine.
pub(crate) fn engine_answers() -> bool {
    Cmd::new("docker")
        .args(&["version", "--format", "{{.Server.Version}}"])
        .succeeds()
}

/// Makes the missing images, all at once, and reports on each. Intermediate files are below `target`.
pub(crate) fn make(target: &Path, options: &Options) -> Result<Vec<String>> {
    let host_files: Vec<_> = HOST_FILES
        .iter()
        .filter(|path| Path::new(path).is_file())
        .copied()
        .collect();
    let missing: Vec<_> = IMAGES
        .iter()
        .map(|image| Recipe::new(image, &host_files))
        .filter(|recipe| options.force || !recipe.is_there())
        .collect();
    if missing.is_empty() {
        return Ok(vec![format!("all {} images exist", IMAGES.len())]);
    }
    if missing.iter().any(|recipe| recipe.image.packages.is_some()) {
        install_bootstrap()?;
    }
    let dir = target.join("test-image");
    fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    // Each is mostly one thread that unpacks, so two cores make two of them in little more than the time of one.
    let made: Vec<Result<String>> = thread::scope(|scope| {
        let threads: Vec<_> = missing
            .iter()
            .map(|recipe| scope.spawn(|| recipe.make(&dir)))
            .collect();
        let ended = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread
                .join()
                .unwrap_or_else(|_| Err("making an image panicked".to_owned()))
        };
        threads.into_iter().map(ended).collect()
    });
    made.into_iter().collect()
}

/// Installs the program that unpacks a Debian system, if that needs no password.
fn install_bootstrap() -> Result<()> {
    if Cmd::new("mmdebstrap").arg("--version").succeeds() {
        return Ok(());
    }
    let install = || -> Result<()> {
        as_root("apt-get").args(&["update", "-qq"]).output()?;
        as_root("env")
            .args(&["DEBIAN_FRONTEND=noninteractive", "apt-get", "install"])
            .args(&["-y", "-qq", "--no-install-recommends"])
            .args(&["mmdebstrap", "debian-archive-keyring"])
            .output()
            .map(drop)
    };
    install().map_err(|error| format!("mmdebstrap is missing, and installing it failed: {error}"))
}

/// Returns a command that runs a program as root, if that needs no password, or else as this user.
fn as_root(program: &str) -> Cmd {
    let root = Cmd::new("id").arg("-u").output();
    if root.is_ok_and(|id| id.trim() == "0") || !Cmd::new("sudo").args(&["-n", "true"]).succeeds() {
        return Cmd::new(program);
    }
    Cmd::new("sudo").args(&["-n", program])
}

/// An image with all that it is made of.
struct Recipe<'a> {
    image: &'a Image,
    host_files: &'a [&'static str],
    digest: String,
}

impl<'a> Recipe<'a> {
    fn new(image: &'a Image, host_files: &'a [&'static str]) -> Self {
        let host_files = image.packages.map_or(&[][..], |_| host_files);
        let mut hash = Fnv::default();
        hash.add(SUITE.as_bytes());
        for package in image.packages.unwrap_or_default() {
            hash.add(package.as_bytes());
        }
        for path in host_files {
            hash.add(path.as_bytes());
            hash.add(&fs::read(path).unwrap_or_default());
        }
        Self {
            image,
            host_files,
            digest: format!("{:016x}", hash.0),
        }
    }

    /// Whether the engine has the image, made by the same recipe.
    fn is_there(&self) -> bool {
        let format = format!("{{{{index .Config.Labels \"{LABEL}\"}}}}");
        Cmd::new("docker")
            .args(&["image", "inspect", "--format", &format, self.image.name])
            .output()
            .is_ok_and(|value| value.trim() == self.digest)
    }

    fn make(&self, dir: &Path) -> Result<String> {
        let started = Instant::now();
        let name = self.image.name;
        let old = Cmd::new("docker")
            .args(&["image", "inspect", "--format", "{{.Id}}", name])
            .output();
        let tar = self.unpack(dir)?;
        if old.is_err() && self.is_there() {
            let _ = fs::remove_file(&tar);
            return Ok(format!("{name} was made by another run in the meantime"));
        }
        let path = tar.to_string_lossy();
        let label = format!("LABEL {LABEL}={}", self.digest);
        let imported = Cmd::new("docker")
            .args(&["import", "--change", &label])
            .args(&match self.image.packages {
                Some(_) => ["--change", "CMD [\"/bin/bash\"]"],
                // An image without a command cannot run, and this one contains no program to name.
                None => ["--change", "CMD [\"/none\"]"],
            })
            .args(&[&path, name])
            .output();
        // A tar of the whole system is useless once it is in the engine.
        let _ = fs::remove_file(&tar);
        imported?;
        if let Ok(old) = old {
            // It stays if a container uses it.
            let _ = Cmd::new("docker").args(&["rmi", old.trim()]).succeeds();
        }
        let seconds = started.elapsed().as_secs_f64();
        Ok(format!("{name} made in {seconds:.1} s"))
    }

    /// Writes the image's files as a tar file.
    fn unpack(&self, dir: &Path) -> Result<PathBuf> {
        let stem: String = self
            .image
            .name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let tar = dir.join(format!("{stem}-{}.tar", std::process::id()));
        let Some(packages) = self.image.packages else {
            // The end of a tar file, and nothing before it.
            fs::write(&tar, [0; 1024]).map_err(|e| format!("{}: {e}", tar.display()))?;
            return Ok(tar);
        };
        let uploads = self
            .host_files
            .iter()
            .map(|path| format!("--customize-hook=upload {path} {path}"));
        // A user can unpack a system too, but not on every machine.
        let command = as_root("mmdebstrap")
            .args(&["--quiet", "--variant=minbase"])
            .args(&["--aptopt=Apt::Install-Recommends \"false\""])
            // Nothing is lost if the machine stops half-way, so nothing needs to be flushed.
            .args(&["--dpkgopt=force-unsafe-io"])
            .args(&[&format!("--include={}", packages.join(","))]);
        uploads
            .fold(command, |command, upload| command.arg(&upload))
            .args(&[SUITE, &tar.to_string_lossy()])
            .output()?;
        Ok(tar)
    }
}

/// FNV-1a of a list of texts. It distinguishes recipes, and is not for security.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        let length = (bytes.len() as u64).to_le_bytes();
        for byte in length.iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fnv, IMAGES, Options, Recipe};

    #[test]
    fn force_is_the_only_option() {
        assert!(Options::parse(&["--force".to_owned()]).unwrap().force);
        assert!(Options::parse(&["--fast".to_owned()]).is_err());
    }

    #[test]
    fn recipes_differ_by_their_packages_and_by_where_a_text_ends() {
        let digests: std::collections::BTreeSet<_> = IMAGES
            .iter()
            .map(|image| Recipe::new(image, &[]).digest)
            .collect();
        assert_eq!(digests.len(), IMAGES.len());
        let of = |texts: &[&str]| {
            let mut hash = Fnv::default();
            texts.iter().for_each(|text| hash.add(text.as_bytes()));
            hash.0
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
    }
}
