//! The labels on sandboxes, by which their owner is found again.

/// The label that names the session, on every sandbox created for one.
pub(crate) const SESSION: &str = "session-manager.session";

/// The label that says which manager created a sandbox: the mark of the workspace root, or of the one manager without a root.
pub(crate) const MANAGER: &str = "session-manager.manager";

/// The label that names the tenant.
pub(crate) const TENANT: &str = "session-manager.tenant";

/// The label of a pooled sandbox. It stays when a session gets the sandbox.
pub(crate) const WARM: &str = "session-manager.warm";

/// Prefix of a workspace root's mark. The mark of a manager without a root does not have it.
pub(crate) const ROOT_MARK: &str = "root-";
