//! What a rule says: allow, ask or deny.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is done with an operation. They are ordered: of several that apply, the strictest counts, which is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "nothing else can be done with one")]
pub enum Action {
    /// It is done.
    Allow,
    /// The [`Approver`](crate::Approver) is asked. Without one it is refused.
    Ask,
    /// It is refused.
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
