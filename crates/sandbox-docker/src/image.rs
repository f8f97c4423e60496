//! Images: finding, pulling and building a container's image.
//!
//! An image exists already, is pulled, or is built from a [`RuntimeConfig`] and then found again by a tag with a digest of
//! everything that affects the build. Nothing here creates a container.

use std::fmt;

use backend_core::{Result, RuntimeConfig, RuntimeImage};

use crate::Engine;

mod build;
mod failure;
mod lock;
mod log;
mod options;
mod progress;
mod prune;
mod pull;
mod recipe;
mod reference;
mod single_flight;
mod tag;

pub use failure::BuildFailure;
pub use options::{BuildOptions, DEFAULT_BUILD_TIMEOUT};
pub use progress::ImageProgress;
pub(crate) use recipe::LINK;

/// A callback for the progress of an image. It is called between two reads from the engine, so it must not block.
pub(crate) type Report<'a> = dyn Fn(ImageProgress) + Send + Sync + 'a;

/// When an image is pulled from its registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullPolicy {
    /// If the engine does not have it.
    #[default]
    Missing,
    /// Always, to follow a tag that has moved.
    Always,
    /// Never: a missing image is an error.
    Never,
}

/// The source of a container's image.
#[derive(Clone, Debug)]
pub(crate) enum ImageSource {
    /// An image by name.
    Reference(String),
    /// The image of a runtime.
    Runtime(RuntimeConfig),
}

/// Prepares images in an engine: finds, pulls, builds and removes them.
///
/// A sandbox does this automatically when it starts. Do it in advance if the first start must be quick:
///
/// ```no_run
/// # async fn example() -> backend_core::Result<()> {
/// use backend_core::RuntimeConfig;
/// use sandbox_docker::{Engine, Images};
///
/// let images = Images::new(Engine::connect().await?);
/// for runtime in RuntimeConfig::builtins() {
///     let image = images.build(&runtime, Some(&|progress| println!("{progress}"))).await?;
///     println!("{}: {image}", runtime.name());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Images {
    engine: Engine,
    options: BuildOptions,
}

impl Images {
    /// Prepares images in this engine.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            options: BuildOptions::new(),
        }
    }

    /// Builds with these options.
    #[must_use]
    pub fn with_options(mut self, options: BuildOptions) -> Self {
        self.options = options;
        self
    }

    /// Makes sure that the engine has an image, and returns its name.
    ///
    /// # Errors
    ///
    /// `invalid_request` for an invalid image name, for an image that its registry does not have, and for a missing image that
    /// may not be pulled; `unavailable` if the engine or the registry cannot be reached.
    ///
    /// # Cancellation
    ///
    /// The engine continues a pull for other callers that wait for it, and ends it otherwise.
    pub async fn pull(
        &self,
        image: &str,
        policy: PullPolicy,
        progress: Option<&(dyn Fn(ImageProgress) + Send + Sync)>,
    ) -> Result<String> {
        pull::ensure(&self.engine, image, policy, progress).await?;
        Ok(image.to_owned())
    }

    /// Prepares the image of a runtime, and returns its name: that of the runtime's image or base image if there is nothing to
    /// install, and otherwise that of an image that is built unless the engine has it.
    ///
    /// Only one build of an image runs at a time among the tasks and processes of this user on this machine; the others wait for
    /// it. A build at which the engine itself fails is tried twice.
    ///
    /// # Errors
    ///
    /// As [`pull`](Self::pull) for the base image. `unavailable` if the build fails; its message has the step and the end of its
    /// output, and [`BuildFailure::of`] has more of it. `invalid_request` for a runtime or an option that cannot be built.
    /// `timed_out` after [`BuildOptions::timeout`], with the step and the end of its output.
    ///
    /// # Cancellation
    ///
    /// The build continues as long as a caller in this process waits for it, and is ended in the engine after that.
    ///
    /// # Security
    ///
    /// A build is not a sandbox: packages and setup lines run as root in a container with the engine's defaults and a network.
    /// Build only with packages that you trust.
    pub async fn build(
        &self,
        runtime: &RuntimeConfig,
        progress: Option<&(dyn Fn(ImageProgress) + Send + Sync)>,
    ) -> Result<String> {
        let pull = self.options.pull;
        match runtime.image() {
            RuntimeImage::Ready(image) => self.pull(image, pull, progress).await,
            RuntimeImage::BuiltOn(base) => {
                let found = pull::ensure(&self.engine, base, pull, progress).await?;
                let recipe = recipe::Recipe::new(runtime, &found, &self.options)?;
                match recipe {
                    Some(recipe) => build::ensure(&self.engine, recipe, progress).await,
                    None => Ok(base.clone()),
                }
            }
            _ => Err(backend_core::Error::unsupported(
                "a runtime with another kind of image",
            )),
        }
    }

    /// Removes the images built for earlier versions of this runtime, and returns their names. Images used by a container stay,
    /// and so does the one that the current runtime would use.
    ///
    /// It recognizes images created by [`build`](Self::build) by label and name, which must agree, and removes nothing else;
    /// images built on top of one, or given another name, stay.
    ///
    /// # Errors
    ///
    /// `unavailable` if the engine does not answer.
    pub async fn prune(&self, runtime: &RuntimeConfig) -> Result<Vec<String>> {
        let current = match runtime.image() {
            RuntimeImage::BuiltOn(base) => match pull::find(&self.engine, base).await? {
                Some(found) => recipe::Recipe::new(runtime, &found, &self.options)?,
                None => None,
            },
            _ => None,
        };
        let current = current.map(|recipe| recipe.tag());
        prune::superseded(&self.engine, runtime.name(), current.as_deref()).await
    }

    /// Returns the user of an image, if it has one.
    pub(crate) async fn user_of(&self, image: &str) -> Result<Option<String>> {
        let found = pull::find(&self.engine, image).await?;
        Ok(found.and_then(|found| found.user))
    }

    /// Makes sure that the engine has an image, and returns the name to create containers from.
    pub(crate) async fn ensure(
        &self,
        source: &ImageSource,
        progress: Option<&Report<'_>>,
    ) -> Result<String> {
        match source {
            ImageSource::Reference(image) => self.pull(image, self.options.pull, progress).await,
            ImageSource::Runtime(runtime) => self.build(runtime, progress).await,
        }
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Images")
            .field("engine", &self.engine)
            .field("options", &self.options)
            .finish()
    }
}
