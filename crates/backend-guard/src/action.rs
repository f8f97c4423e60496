//! The decision of a rule: allow, ask or deny.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The decision about an operation. Actions are ordered: of several that apply, the strictest, which is the greatest,
/// counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "nothing else can be done with one")]
pub enum Action {
    /// The operation is performed.
    Allow,
    /// The [`Approver`](crate::Approver) is asked. Without one the operation is refused.
    Ask,
    /// The operation is refused.
    Deny,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        })
    }
}
