//! The record of a session: what has to be known of it after a restart.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backend_core::{Error, Result, RuntimeConfig, SandboxId};
use serde::{Deserialize, Serialize};

use crate::entry::Profile;

/// The version of the form below. A reader refuses any other: it would lose what it does not know.
const VERSION: u32 = 1;

/// What is stored about a session, as JSON.
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
    /// The sandbox that it has, or is about to have: it is written before the sandbox is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sandbox: Option<SandboxId>,
    /// Whether that sandbox was laid to rest.
    #[serde(default)]
    pub(crate) resting: bool,
    /// Whether its workspace was renamed after it was made.
    #[serde(default)]
    pub(crate) moved: bool,
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
        }
    }

    pub(crate) fn parse(text: &[u8], id: &SandboxId) -> io::Result<Self> {
        let record: Self = serde_json::from_slice(text)?;
        if record.version != VERSION {
            let message = format!("its version is {}, not {VERSION}", record.version);
            return Err(io::Error::other(message));
        }
        if record.id != *id {
            return Err(io::Error::other("it is the record of another session"));
        }
        Ok(record)
    }

    pub(crate) fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
            .map_err(|error| Error::internal(None, "a record cannot be written as JSON", error))
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

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn since_epoch(date: SystemTime) -> u64 {
    date.duration_since(UNIX_EPOCH).map_or(0, ms)
}

/// A number that is no date of this world is the oldest one.
fn date(ms: u64) -> SystemTime {
    UNIX_EPOCH
        .checked_add(Duration::from_millis(ms))
        .unwrap_or(UNIX_EPOCH)
}
