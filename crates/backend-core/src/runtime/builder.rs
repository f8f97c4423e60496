//! The builder of a runtime.

use std::collections::BTreeMap;

use crate::runtime::{DEFAULT_WORK_DIR, PackageManager, PackageSet, RuntimeImage};
use crate::{Error, IntoPath, Result, RuntimeConfig};

/// Builds a [`RuntimeConfig`]. It needs an image or a base image; everything else has a default.
#[derive(Clone, Debug)]
#[must_use]
pub struct RuntimeBuilder {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) image: Option<String>,
    pub(super) base_image: Option<String>,
    pub(super) packages: Vec<PackageSet>,
    pub(super) setup: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) work_dir: String,
    pub(super) cache: bool,
    pub(super) user: Option<String>,
}

impl RuntimeBuilder {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            image: None,
            base_image: None,
            packages: Vec::new(),
            setup: Vec::new(),
            env: BTreeMap::new(),
            work_dir: DEFAULT_WORK_DIR.to_owned(),
            cache: true,
            user: None,
        }
    }

    /// Sets the purpose of the runtime, in a sentence for a reader.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Uses this image as is.
    pub fn image(mut self, image: impl Into<String>) -> Self {
        self.image = Some(image.into());
        self
    }

    /// Builds an image on this one.
    pub fn base_image(mut self, image: impl Into<String>) -> Self {
        self.base_image = Some(image.into());
        self
    }

    /// Adds packages to install.
    pub fn packages<I, N>(mut self, manager: PackageManager, names: I) -> Self
    where
        I: IntoIterator<Item = N>,
        N: Into<String>,
    {
        let names = names.into_iter().map(Into::into).collect();
        self.packages.push(PackageSet { manager, names });
        self
    }

    /// Adds a shell command to run after the packages are installed.
    pub fn setup(mut self, line: impl Into<String>) -> Self {
        self.setup.push(line.into());
        self
    }

    /// Adds a variable to the environment of every command.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Sets the directory in which commands run; `/workspace` by default.
    pub fn work_dir(mut self, path: impl Into<String>) -> Self {
        self.work_dir = path.into();
        self
    }

    /// Builds the image each time, without keeping it.
    pub fn no_cache(mut self) -> Self {
        self.cache = false;
        self
    }

    /// Sets the user that commands run as: a name, a number, or `number:number` with a group.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Checks every field and returns the configuration.
    ///
    /// # Errors
    ///
    /// Returns `invalid_request` with the first invalid field and the reason; `invalid_path` for the working directory.
    pub fn build(self) -> Result<RuntimeConfig> {
        let image = match (self.image, self.base_image) {
            (Some(image), None) => RuntimeImage::Ready(image),
            (None, Some(base)) => RuntimeImage::BuiltOn(base),
            (None, None) => {
                return Err(Error::invalid_request(
                    "a runtime needs an image or a base image",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(Error::invalid_request(
                    "a runtime has an image or a base image, not both",
                ));
            }
        };
        RuntimeConfig {
            name: self.name,
            description: self.description,
            image,
            packages: self.packages,
            setup: self.setup,
            env: self.env,
            work_dir: self.work_dir.as_str().into_path()?,
            cache: self.cache,
            user: self.user,
        }
        .checked()
    }
}
