//! The guest binary, and the volume that it is in.
//!
//! It is in a volume of the engine, one per version of the guest, which every container mounts read-only. So it costs a container
//! nothing, and images need not contain it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use backend_core::{Error, Result};
use bytes::Bytes;

use crate::layout::VOLUME_PREFIX;
use crate::{Engine, digest};

mod volume;

/// The embedded guests in use, by architecture: a digest of megabytes is computed once.
static EMBEDDED: Mutex<BTreeMap<String, Guest>> = Mutex::new(BTreeMap::new());

/// A guest binary.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    bytes: Bytes,
    volume: Arc<str>,
}

impl Guest {
    /// Returns the chosen guest, or the one embedded for the engine's machine.
    pub(crate) async fn choose(engine: &Engine, chosen: Option<&Bytes>) -> Result<Self> {
        match chosen {
            Some(bytes) if bytes.starts_with(b"\x7fELF") => Ok(Self::new(bytes.clone())),
            Some(_) => Err(Error::invalid_request("the guest is not a Linux program")),
            None => Self::embedded(engine.architecture().await?),
        }
    }

    /// Returns the guest embedded for a machine.
    fn embedded(architecture: &str) -> Result<Self> {
        let mut known = EMBEDDED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(guest) = known.get(architecture) {
            return Ok(guest.clone());
        }
        let guest = embedded(architecture).map(Self::new)?;
        known.insert(architecture.to_owned(), guest.clone());
        Ok(guest)
    }

    fn new(bytes: Bytes) -> Self {
        let volume = format!("{VOLUME_PREFIX}{}", digest::short(&bytes));
        Self {
            bytes,
            volume: volume.into(),
        }
    }

    /// Returns the name of its volume.
    pub(crate) fn volume(&self) -> &str {
        &self.volume
    }
}

#[cfg(feature = "embedded-guest")]
fn embedded(architecture: &str) -> Result<Bytes> {
    use sandbox_guest::{Architecture, guest_bytes};

    Architecture::from_name(architecture)
        .and_then(guest_bytes)
        .map(Bytes::from_static)
        .ok_or_else(|| none_for(architecture))
}

#[cfg(not(feature = "embedded-guest"))]
fn embedded(architecture: &str) -> Result<Bytes> {
    Err(none_for(architecture))
}

fn none_for(architecture: &str) -> Error {
    Error::unsupported(format!(
        "an engine on {architecture}: this build has no guest for it; build one on Linux with `cargo xtask guest`, and pass its \
         bytes to the builder with `guest`"
    ))
}
