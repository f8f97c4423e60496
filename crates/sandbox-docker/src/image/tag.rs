//! The names of images built here, which distinguish them from all others.

/// The repository of all of them. The name of the runtime is in the tag, which allows every runtime name; a repository does not.
const REPOSITORY: &str = "agent-backends/runtime";

/// The kind of images built here.
pub(super) const RUNTIME_IMAGE: &str = "runtime-image";

/// The name of the runtime, and the digest of its recipe.
pub(super) const RUNTIME: &str = "agent-backends.runtime";
pub(super) const RECIPE: &str = "agent-backends.recipe";

/// Whether the image is to be kept.
pub(super) const KEEP: &str = "agent-backends.keep";

/// Returns the name of the image of a runtime.
pub(super) fn of(runtime: &str, digest: &str) -> String {
    format!("{REPOSITORY}:{runtime}-{digest}")
}

/// Returns the name of an image that only one sandbox uses.
pub(super) fn unique(runtime: &str, digest: &str, number: &str) -> String {
    format!("{REPOSITORY}:{runtime}-{digest}-{number}")
}

/// Returns whether a name is that of an image of this runtime, with this digest.
pub(super) fn is_of(name: &str, runtime: &str, digest: &str) -> bool {
    // Podman adds a registry to a name without one.
    let name = name.strip_prefix("localhost/").unwrap_or(name);
    name.strip_prefix(&of(runtime, digest))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::{is_of, of, unique};

    #[test]
    fn a_name_identifies_the_runtime_and_the_recipe() {
        assert_eq!(of("a-b", "12"), "agent-backends/runtime:a-b-12");
        assert!(is_of(&of("a-b", "12"), "a-b", "12"));
        assert!(is_of(&unique("a-b", "12", "9"), "a-b", "12"));
        assert!(is_of("localhost/agent-backends/runtime:a-12", "a", "12"));
        assert!(!is_of(&of("a-b", "123"), "a-b", "12"));
        assert!(!is_of(&of("a-b", "12"), "a", "12"));
        assert!(!is_of("me/agent-backends/runtime:a-12", "a", "12"));
    }
}
