//! The workspace as `cargo metadata` describes it.
//!
//! Only what the chores need; the rest of the JSON is dropped.

use std::path::PathBuf;

use serde_json::Value;

use crate::Result;
use crate::shell::Cmd;

/// The workspace's location and contents.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    /// The version that the crates share.
    pub(crate) version: String,
    pub(crate) packages: Vec<Package>,
}

/// A crate of the workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The directory, relative to the root and with `/`.
    pub(crate) dir: String,
    pub(crate) description: String,
    /// Whether it is a crate for users, and not a tool of this project: those below `crates`.
    pub(crate) for_users: bool,
    pub(crate) features: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
    /// Examples that need a Docker engine: `[package.metadata.ci] examples-with-docker`.
    pub(crate) examples_with_docker: Vec<String>,
}

/// A dependency as a manifest declares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: DependencyKind,
    pub(crate) optional: bool,
    pub(crate) requirement: String,
    pub(crate) features: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DependencyKind {
    #[default]
    Normal,
    Build,
    Dev,
}

/// Something that cargo builds of a package.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: String,
}

impl Workspace {
    /// Asks cargo about the workspace that this program was started in.
    pub(crate) fn load() -> Result<Self> {
        let args = ["metadata", "--format-version", "1", "--no-deps"];
        let text = Cmd::cargo(&args).output()?;
        let json: Value = serde_json::from_str(&text)
            .map_err(|e| format!("cargo metadata printed invalid JSON: {e}"))?;
        Ok(Self::from_json(&json))
    }

    fn from_json(json: &Value) -> Self {
        let root = PathBuf::from(text(json, "workspace_root"));
        let packages: Vec<Package> = list(json, "packages")
            .iter()
            .map(|package| Package::from_json(package, &root.to_string_lossy()))
            .collect();
        let version = packages
            .iter()
            .find(|package| package.for_users)
            .map(|package| package.version.clone())
            .unwrap_or_default();
        Self {
            target: PathBuf::from(text(json, "target_directory")),
            root,
            version,
            packages,
        }
    }

    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

impl Package {
    fn from_json(json: &Value, root: &str) -> Self {
        let manifest = text(json, "manifest_path");
        let dir = manifest
            .trim_end_matches("Cargo.toml")
            .trim_start_matches(root)
            .replace('\\', "/");
        let docker = json.pointer("/metadata/ci/examples-with-docker");
        let dir = dir.trim_matches('/').to_owned();
        Self {
            for_users: dir.starts_with("crates/"),
            name: text(json, "name"),
            version: text(json, "version"),
            dir,
            description: text(json, "description"),
            features: json
                .get("features")
                .and_then(Value::as_object)
                .map(|features| features.keys().cloned().collect())
                .unwrap_or_default(),
            dependencies: list(json, "dependencies")
                .iter()
                .map(Dependency::from_json)
                .collect(),
            targets: list(json, "targets")
                .iter()
                .map(Target::from_json)
                .collect(),
            examples_with_docker: docker.map(texts).unwrap_or_default(),
        }
    }

    /// Returns the names of the targets of a kind, such as `example`.
    pub(crate) fn targets_of_kind(&self, kind: &str) -> impl Iterator<Item = &str> {
        self.targets
            .iter()
            .filter(move |target| target.kind == kind)
            .map(|target| target.name.as_str())
    }
}

impl Dependency {
    fn from_json(json: &Value) -> Self {
        Self {
            name: text(json, "name"),
            kind: match json.get("kind").and_then(Value::as_str) {
                Some("dev") => DependencyKind::Dev,
                Some("build") => DependencyKind::Build,
                _ => DependencyKind::Normal,
            },
            optional: json
                .get("optional")
                .and_then(Value::as_bool)
                .unwrap_or_default(),
            requirement: text(json, "req"),
            features: json.get("features").map(texts).unwrap_or_default(),
        }
    }
}

impl Target {
    fn from_json(json: &Value) -> Self {
        Self {
            name: text(json, "name"),
            kind: json.get("kind").map(texts).unwrap_or_default().join(","),
        }
    }
}

fn text(json: &Value, key: &str) -> String {
    json.get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn texts(json: &Value) -> Vec<String> {
    let items = json.as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn list<'a>(json: &'a Value, key: &str) -> &'a [Value] {
    json.get(key)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{DependencyKind, Workspace};

    #[test]
    fn metadata_is_read() {
        let workspace = Workspace::from_json(&json!({
            "workspace_root": "/w",
            "target_directory": "/t",
            "packages": [
                {
                    "name": "xtask", "version": "0.0.0",
                    "manifest_path": "/w/xtask/Cargo.toml",
                },
                {
                    "name": "backend-core", "version": "0.3.0", "description": "x",
                    "manifest_path": "/w/crates/backend-core/Cargo.toml",
                    "features": {"search": []},
                    "dependencies": [
                        {"name": "bytes", "kind": null, "req": "^1", "features": ["serde"]},
                        {"name": "proptest", "kind": "dev", "req": "^1", "optional": false},
                    ],
                    "targets": [{"kind": ["example"], "name": "hello"}, {"kind": ["lib"], "name": "l"}],
                    "metadata": {"ci": {"examples-with-docker": ["hello"]}},
                },
            ],
        }));
        assert_eq!(workspace.version, "0.3.0");
        assert!(!workspace.package("xtask").unwrap().for_users);
        let core = workspace.package("backend-core").unwrap();
        assert_eq!(core.dir, "crates/backend-core");
        assert!(core.for_users);
        assert_eq!(core.features, ["search"]);
        assert_eq!(core.dependencies[0].features, ["serde"]);
        assert_eq!(core.dependencies[1].kind, DependencyKind::Dev);
        assert_eq!(
            core.targets_of_kind("example").collect::<Vec<_>>(),
            ["hello"]
        );
        assert_eq!(core.examples_with_docker, ["hello"]);
    }
}
