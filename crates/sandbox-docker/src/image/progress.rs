//! Progress reports about an image.

use std::fmt;

/// Progress while an image is prepared. `Display` is one line, or the raw output of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageProgress {
    /// The image, or a layer of it, is being pulled.
    Pull {
        /// The layer, by the beginning of its digest; `None` for the whole image.
        layer: Option<String>,
        /// Its status in the engine's words, such as `Downloading`.
        status: String,
        /// The number of bytes done.
        bytes: Option<u64>,
        /// The total number of bytes.
        of: Option<u64>,
    },
    /// Waiting for another process that is building this image.
    Waiting,
    /// A step of the build begins.
    Step {
        /// Its number, counted from 1.
        number: usize,
        /// The number of steps.
        of: usize,
        /// Its title, such as `pip: pandas numpy`.
        title: String,
    },
    /// A step printed something.
    Output(String),
    /// The engine failed, not the step, and the build starts again. Completed steps are not repeated.
    Retry,
    /// The image is built.
    Built {
        /// Its name.
        image: String,
    },
}

impl fmt::Display for ImageProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pull {
                layer,
                status,
                bytes,
                of,
            } => {
                if let Some(layer) = layer {
                    write!(f, "{layer}: ")?;
                }
                f.write_str(status)?;
                match (bytes, of) {
                    (Some(bytes), Some(of)) => write!(f, " {bytes} of {of} bytes"),
                    _ => Ok(()),
                }
            }
            Self::Waiting => f.write_str("waiting for another process that is building this image"),
            Self::Step { number, of, title } => write!(f, "step {number} of {of}: {title}"),
            Self::Output(text) => f.write_str(text.trim_end_matches('\n')),
            Self::Retry => f.write_str("the engine failed, and the build starts again"),
            Self::Built { image } => write!(f, "built {image}"),
        }
    }
}
