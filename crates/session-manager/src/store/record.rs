//! The record of a session: what must be known about it after a restart.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backend_core::{Error, RuntimeConfig, SandboxId};
use serde::{Deserialize, Serialize};

use super::identity::Place;
use crate::entry::{Profile, Resting};

/// The version of the form below. A reader refuses a newer one, because it would lose unknown fields. The first one lacks
/// `directory` and `sandbox_env`.
const VERSION: u32 = 2;

/// Maximum size of a record. A larger one is not written, and one that was found was not written by a manager.
pub(super) const MAX_RECORD_BYTES: u64 = 1 << 20;

/// The stored form of a session, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    version: u32,
    pub(crate) id: SandboxId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    runtime: Option<RuntimeConfig>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    env: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idle_timeout_ms: Option<u64>,
    created_ms: u64,
    used_ms: u64,
    /// The sandbox that it has, or is about to have: written before the sandbox is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sandbox: Option<SandboxId>,
    /// Whether that sandbox was suspended.
    #[serde(default)]
    pub(crate) resting: bool,
    /// Whether that sandbox cannot be resumed as it is: its workspace was renamed after it was created, or it has variables that
    /// the session no longer has.
    #[serde(default)]
    pub(crate) moved: bool,
    /// The variables the sandbox was created with, if the session has others by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sandbox_env: Option<BTreeMap<String, String>>,
    /// The directory that the record was written for. In another one it is a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) directory: Option<Place>,
    /// Whether it was found in a directory that it was not written for. If so, it does not name a sandbox.
    #[serde(skip)]
    pub(crate) copied: bool,
}

/// Why a record cannot be read. It reveals nothing of its contents.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// It is damaged.
    Damaged(String),
    /// A newer version of this program wrote it.
    Newer(u64),
    /// It names another session.
    OfAnother,
}

impl Unreadable {
    /// Returns the reason, and what to do about it.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Damaged(why) => {
                format!("it is damaged ({why}); repair it, or purge the session")
            }
            Self::Newer(version) => format!(
                "it was written by a newer version of this program (form {version}, not {VERSION}); \
                 use that version, and do not purge the session"
            ),
            Self::OfAnother => {
                "it is the record of another session; in a copied or renamed directory \
                 the record must have its own id"
                    .to_owned()
            }
        }
    }
}

impl Record {
    pub(crate) fn new(id: &SandboxId, profile: &Profile, used: SystemTime) -> Self {
        Self {
            version: VERSION,
            id: id.clone(),
            tenant: profile.tenant.clone(),
            runtime: profile.runtime.clone(),
            env: profile.env.clone(),
            labels: profile.labels.clone(),
            idle_timeout_ms: profile.idle_timeout.map(ms),
            created_ms: since_epoch(profile.created),
            used_ms: since_epoch(used),
            sandbox: None,
            resting: false,
            moved: false,
            sandbox_env: None,
            directory: None,
            copied: false,
        }
    }

    /// Returns the record with a sandbox that is not live.
    pub(crate) fn with_resting(mut self, resting: Option<&Resting>) -> Self {
        self.sandbox = resting.map(|resting| resting.id.clone());
        self.resting = resting.is_some_and(|resting| resting.certain);
        self.moved = resting.is_some_and(|resting| resting.anew);
        self.sandbox_env = resting.and_then(|resting| resting.env.clone());
        self
    }

    /// Returns the sandbox it names, as one that is not live.
    pub(crate) fn to_resting(&self) -> Option<Resting> {
        self.sandbox.clone().map(|id| Resting {
            id,
            certain: self.resting,
            anew: self.moved,
            env: self.sandbox_env.clone(),
            permit: None,
        })
    }

    /// Removes the sandbox from it.
    pub(crate) fn disown(&mut self) {
        self.sandbox = None;
        self.resting = false;
        self.moved = false;
        self.sandbox_env = None;
    }

    pub(super) fn parse(text: &[u8], id: &SandboxId) -> Result<Self, Unreadable> {
        // Serde's message may quote the record, which contains variables.
        let damaged = |error: &serde_json::Error| {
            let (what, line, column) = (error.classify(), error.line(), error.column());
            let what = match what {
                serde_json::error::Category::Eof => "it ends too early",
                serde_json::error::Category::Syntax => "it is not JSON",
                _ => "a field is missing, unknown or of another kind",
            };
            Unreadable::Damaged(format!("{what}, line {line}, column {column}"))
        };
        let head: Head = serde_json::from_slice(text).map_err(|error| damaged(&error))?;
        if head.version > u64::from(VERSION) {
            return Err(Unreadable::Newer(head.version));
        }
        let record: Self = serde_json::from_slice(text).map_err(|error| damaged(&error))?;
        if record.version == 0 {
            return Err(Unreadable::Damaged("its version is 0".to_owned()));
        }
        if record.id != *id {
            return Err(Unreadable::OfAnother);
        }
        Ok(Self {
            version: VERSION,
            ..record
        })
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, Error> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| {
            Error::internal_from(None, "a record cannot be written as JSON", error)
        })?;
        // A larger one would not be read again.
        if text.len() as u64 > MAX_RECORD_BYTES {
            return Err(Error::invalid_request(format!(
                "the variables and labels of session '{}' are too large: with everything else in its record, the limit is 1 MiB",
                self.id
            )));
        }
        Ok(text)
    }

    pub(crate) fn profile(&self) -> Profile {
        Profile {
            tenant: self.tenant.clone(),
            runtime: self.runtime.clone(),
            env: self.env.clone(),
            labels: self.labels.clone(),
            idle_timeout: self.idle_timeout_ms.map(Duration::from_millis),
            created: date(self.created_ms),
        }
    }

    pub(crate) fn used(&self) -> SystemTime {
        date(self.used_ms)
    }

    pub(crate) fn runtime_name(&self) -> Option<&str> {
        self.runtime.as_ref().map(RuntimeConfig::name)
    }
}

/// The field that every version has.
#[derive(Deserialize)]
struct Head {
    version: u64,
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn since_epoch(date: SystemTime) -> u64 {
    date.duration_since(UNIX_EPOCH).map_or(0, ms)
}

/// An out-of-range number becomes the oldest date.
fn date(ms: u64) -> SystemTime {
    UNIX_EPOCH
        .checked_add(Duration::from_millis(ms))
        .unwrap_or(UNIX_EPOCH)
}
