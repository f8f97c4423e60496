//! What is told about an image while it is made ready.

use std::fmt;

/// What is going on while an image is made ready. `Display` is one line, or the output of a build as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageProgress {
    /// The image, or a layer of it, is being pulled.
    Pull {
        /// The layer, by the beginning of its digest; none for what is about the whole image.
        layer: Option<String>,
        /// What is done with it, in the engine's words, such as `Downloading`.
        status: String,
        /// How many bytes of it are done.
        bytes: Option<u64>,
        /// How many it has.
        of: Option<u64>,
    },
    /// Another process is building this image, and is waited for.
    Waiting,
    /// A step of the build begins.
    Step {
        /// Which one it is, counted from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// What it does, such as `pip: pandas numpy`.
        title: String,
    },
    /// A step printed something.
    Output(String),
    /// The engine failed, not the step, and the build begins again. What was done before is not done twice.
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
            Self::Waiting => f.write_str("waiting for another process that builds this image"),
            Self::Step { number, of, title } => write!(f, "step {number} of {of}: {title}"),
            Self::Output(text) => f.write_str(text.trim_end_matches('\n')),
            Self::Retry => f.write_str("the engine failed, and the build begins again"),
            Self::Built { image } => write!(f, "built {image}"),
        }
    }
}
