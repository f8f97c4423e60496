//! Images: where a container's image comes from.
//!
//! An image is there already, is pulled, or is built of a [`RuntimeConfig`] and then found again by a tag that has a digest
//! of all that matters to the build in it. Nothing here makes a container.

use std::fmt;

use backend_core::{Result, RuntimeConfig, RuntimeImage};

use crate::Engine;

mod build;
mod failure;
mod flight;
mod lock;
mod log;
mod options;
pub(crate) mod packages;
mod progress;
mod prune;
mod pull;
mod recipe;
mod reference;
mod tag;

pub use failure::BuildFailure;
pub use options::{BuildOptions, DEFAULT_BUILD_TIMEOUT};
pub use progress::ImageProgress;

/// Who is told how an image comes along. It is called between two reads from the engine, so it must not block.
pub(crate) type Report<'a> = dyn Fn(ImageProgress) + Send + Sync + 'a;

/// When an image is pulled from its registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullPolicy {
    /// When the engine does not have it.
    #[default]
    Missing,
    /// Always, so that a tag that has moved is followed.
    Always,
    /// Never: an image that the engine does not have is an error.
    Never,
}

/// Where the image of a container comes from.
#[derive(Clone, Debug)]
pub(crate) enum ImageSource {
    /// It has a name.
    Reference(String),
    /// It is what a runtime needs.
    Runtime(RuntimeConfig),
}

/// Makes images ready in an engine: finds, pulls, builds and removes them.
///
/// A sandbox does this by itself when it starts. Do it before, where the first start must be quick:
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
    /// Makes images ready in this engine.
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
    /// `invalid_request` for what is no name of an image, for one that its registry does not have, and for one that is not
    /// there and may not be pulled; `unavailable` where the engine or the registry cannot be reached.
    ///
    /// # Cancellation
    ///
    /// The engine goes on with a pull for others that wait for it, and ends it otherwise.
    pub async fn pull(
        &self,
        image: &str,
        policy: PullPolicy,
        progress: Option<&(dyn Fn(ImageProgress) + Send + Sync)>,
    ) -> Result<String> {
        pull::ensure(&self.engine, image, policy, progress).await?;
        Ok(image.to_owned())
    }

    /// Makes the image of a runtime ready, and returns its name: that of the runtime's image or base image if there is
    /// nothing to install, and otherwise that of an image which is built unless the engine has it.
    ///
    /// An image is built once at a time, however many tasks and processes of this user on this machine ask for it; the
    /// others wait for it. What the engine itself fails at is tried twice.
    ///
    /// # Errors
    ///
    /// As [`pull`](Self::pull) for the base image. `unavailable` where the build fails; its message says at which step and
    /// has the end of what that printed, and [`BuildFailure::of`] has more of it. `invalid_request` for
    /// a runtime or an option that cannot be built. `timed_out` after [`BuildOptions::timeout`], with the step and the end of what it
    /// printed.
    ///
    /// # Cancellation
    ///
    /// The build goes on as long as anybody of this process waits for it, and is ended in the engine after that.
    ///
    /// # Security
    ///
    /// A build is not a sandbox: packages and setup lines run as root of a container with the engine's defaults and a
    /// network. Build only of packages that you would install.
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
                "a runtime whose image comes from elsewhere",
            )),
        }
    }

    /// Removes the images that earlier versions of this runtime were built to, and returns their names. Those stay that
    /// a container is made of, and the one that the runtime as it is now would use.
    ///
    /// It knows images that [`build`](Self::build) made by their label and by their name, which must agree, and removes
    /// nothing else; what somebody built on such an image, or gave another name to, stays.
    ///
    /// # Errors
    ///
    /// `unavailable` where the engine does not answer.
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

    /// Returns who runs in an image, where the image says so.
    pub(crate) async fn user_of(&self, image: &str) -> Result<Option<String>> {
        let found = pull::find(&self.engine, image).await?;
        Ok(found.and_then(|found| found.user))
    }

    /// Makes sure that the engine has an image, and returns the name to make containers from.
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
