//! The JSON form of a runtime: one flat object, in which an unknown field is an error.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::runtime::{DEFAULT_WORK_DIR, PackageSet, RuntimeBuilder, RuntimeImage};
use crate::{Error, Result, RuntimeConfig};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRuntime {
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_image: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    packages: Vec<PackageSet>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    setup: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    env: BTreeMap<String, String>,
    #[serde(default = "default_work_dir")]
    work_dir: String,
    #[serde(default = "default_cache")]
    cache: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
}

fn default_work_dir() -> String {
    DEFAULT_WORK_DIR.to_owned()
}

fn default_cache() -> bool {
    true
}

impl TryFrom<RawRuntime> for RuntimeConfig {
    type Error = Error;

    fn try_from(raw: RawRuntime) -> Result<Self> {
        RuntimeBuilder {
            name: raw.name,
            description: raw.description,
            image: raw.image,
            base_image: raw.base_image,
            packages: raw.packages,
            setup: raw.setup,
            env: raw.env,
            work_dir: raw.work_dir,
            cache: raw.cache,
            user: raw.user,
        }
        .build()
    }
}

impl From<RuntimeConfig> for RawRuntime {
    fn from(runtime: RuntimeConfig) -> Self {
        let (image, base_image) = match runtime.image {
            RuntimeImage::Ready(image) => (Some(image), None),
            RuntimeImage::BuiltOn(base) => (None, Some(base)),
        };
        Self {
            name: runtime.name,
            description: runtime.description,
            image,
            base_image,
            packages: runtime.packages,
            setup: runtime.setup,
            env: runtime.env,
            work_dir: runtime.work_dir.into(),
            cache: runtime.cache,
            user: runtime.user,
        }
    }
}
