//! Which crate of the workspace may depend on which, in normal and build dependencies: an implementation, a wrapper
//! and a face know the protocol, not each other. Dev-dependencies are free.

use super::project::{Finding, Project};
use crate::workspace::{Dependency, DependencyKind, Package};

/// What a crate may depend on among the crates of the workspace.
enum Allowed {
    Anything,
    Only(&'static [&'static str]),
}

/// The features that would bring I/O or threads into the protocol. `rt` does not: it spawns on the caller's runtime.
const FORBIDDEN_FEATURES: &[&str] = &["fs", "full", "net", "process", "rt-multi-thread", "signal"];

fn allowed(package: &str) -> Allowed {
    match package {
        "backend-core" | "xtask" => Allowed::Only(&[]),
        // The program that measures the other crates is not for users.
        "backend-cli" | "bench" => Allowed::Anything,
        "backend-mcp" => Allowed::Only(&["backend-core", "backend-tools"]),
        // The guest is a binary made of these.
        "sandbox-guest" => Allowed::Only(&["backend-core", "backend-fs", "sandbox-local"]),
        // Only the guest's bytes, none of its code, and only with the feature.
        "sandbox-docker" => Allowed::Only(&["backend-core", "sandbox-guest"]),
        _ => Allowed::Only(&["backend-core"]),
    }
}

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let packages = &project.workspace.packages;
    let mut findings = Vec::new();
    for package in packages {
        let manifest = format!("{}/Cargo.toml", package.dir);
        let internal =
            |dependency: &&Dependency| packages.iter().any(|p| p.name == dependency.name);
        let normal = package
            .dependencies
            .iter()
            .filter(|d| d.kind != DependencyKind::Dev);
        for dependency in normal.filter(internal) {
            if let Some(message) = forbidden(package, dependency) {
                findings.push(Finding::new(&manifest, message));
            }
        }
        if package.name == "backend-core" {
            findings.extend(runtime(package).map(|message| Finding::new(&manifest, message)));
        }
    }
    findings
}

fn forbidden(package: &Package, dependency: &Dependency) -> Option<String> {
    let (name, on) = (&package.name, &dependency.name);
    let Allowed::Only(only) = allowed(name) else {
        return None;
    };
    if !only.contains(&on.as_str()) {
        let may = if only.is_empty() {
            "nothing of the workspace".to_owned()
        } else {
            only.join(", ")
        };
        return Some(format!(
            "{name} -> {on} is against the dependency rule; {name} -> {may} is not"
        ));
    }
    (name == "sandbox-docker" && on == "sandbox-guest" && !dependency.optional)
        .then(|| format!("{name} -> {on} must be optional"))
}

/// The protocol works without a runtime: it may use, behind its own feature, the parts of tokio that need none or the
/// caller's.
fn runtime(core: &Package) -> impl Iterator<Item = String> {
    let normal = core
        .dependencies
        .iter()
        .filter(|d| d.kind != DependencyKind::Dev);
    normal
        .filter(|dependency| dependency.name == "tokio")
        .filter_map(|tokio| {
            let features = tokio.features.iter().map(String::as_str);
            let runtime: Vec<&str> = features
                .filter(|f| FORBIDDEN_FEATURES.contains(f))
                .collect();
            if !tokio.optional {
                Some("backend-core -> tokio must be optional".to_owned())
            } else if runtime.is_empty() {
                None
            } else {
                Some(format!(
                    "backend-core -> tokio must not have the features {}",
                    runtime.join(", ")
                ))
            }
        })
}

#[cfg(test)]
mod tests {
    use super::{Project, check};
    use crate::workspace::{Dependency, DependencyKind, Package, Workspace};

    fn dependency(name: &str) -> Dependency {
        Dependency {
            name: name.to_owned(),
            ..Dependency::default()
        }
    }

    /// Checks a workspace in which `name` has these dependencies, and all of them are members.
    fn found(name: &str, dependencies: Vec<Dependency>) -> Vec<String> {
        let package = |name: &str, dependencies| Package {
            name: name.to_owned(),
            dir: format!("crates/{name}"),
            dependencies,
            ..Package::default()
        };
        let mut packages: Vec<Package> = dependencies
            .iter()
            .filter(|d| d.name != "tokio")
            .map(|d| package(&d.name, Vec::new()))
            .collect();
        packages.push(package(name, dependencies));
        let workspace = Workspace {
            packages,
            ..Workspace::default()
        };
        let findings = check(&Project::of(&workspace, &[]));
        findings
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn a_library_depends_only_on_the_protocol() {
        assert!(found("backend-fs", vec![dependency("backend-core")]).is_empty());
        assert_eq!(
            found(
                "backend-composite",
                vec![dependency("backend-core"), dependency("backend-fs")]
            ),
            [
                "backend-composite -> backend-fs is against the dependency rule; backend-composite -> backend-core is not"
            ]
        );
        assert_eq!(
            found("backend-core", vec![dependency("backend-fs")]).len(),
            1
        );
    }

    #[test]
    fn dev_dependencies_are_free_and_build_dependencies_are_not() {
        let of_kind = |kind| {
            vec![Dependency {
                kind,
                ..dependency("backend-state")
            }]
        };
        assert!(found("backend-core", of_kind(DependencyKind::Dev)).is_empty());
        assert_eq!(found("backend-fs", of_kind(DependencyKind::Build)).len(), 1);
    }

    #[test]
    fn the_edge_has_its_exceptions() {
        assert!(found("backend-cli", vec![dependency("backend-fs")]).is_empty());
        assert!(found("backend-mcp", vec![dependency("backend-tools")]).is_empty());
        let guest = || dependency("sandbox-guest");
        assert_eq!(
            found("sandbox-docker", vec![guest()]),
            ["sandbox-docker -> sandbox-guest must be optional"]
        );
        let optional = Dependency {
            optional: true,
            ..guest()
        };
        assert!(found("sandbox-docker", vec![optional]).is_empty());
    }

    #[test]
    fn the_protocol_has_no_runtime() {
        let tokio = |optional, features: &[&str]| Dependency {
            optional,
            features: features.iter().map(|f| (*f).to_owned()).collect(),
            ..dependency("tokio")
        };
        assert!(found("backend-core", vec![tokio(true, &["io-util"])]).is_empty());
        assert_eq!(found("backend-core", vec![tokio(false, &[])]).len(), 1);
        assert_eq!(
            found("backend-core", vec![tokio(true, &["io-util", "net"])]),
            ["backend-core -> tokio must not have the features net"]
        );
        assert!(found("backend-fs", vec![tokio(false, &["rt"])]).is_empty());
    }
}
