//! The same in a container, if there is an engine.

use std::env;
use std::sync::Arc;

use backend_core::Result;
use sandbox_docker::{DockerSandbox, Engine};

/// The default image: it has a shell and awk.
const IMAGE: &str = "debian:stable-slim";

/// The variable with which the project's own checks name an existing image.
const VARIABLE: &str = "AGENT_BACKENDS_TEST_IMAGE";

/// The variable with which they require an engine.
const REQUIRED: &str = "AGENT_BACKENDS_REQUIRE_DOCKER";

pub(crate) async fn run() -> Result<()> {
    let engine = match Engine::connect().await {
        Ok(engine) => engine,
        Err(error) if env::var_os(REQUIRED).is_some_and(|value| value == "1") => return Err(error),
        Err(error) => {
            println!("\n== Not in a container: {error}");
            return Ok(());
        }
    };
    let named = env::args().nth(1).or_else(|| env::var(VARIABLE).ok());
    let image = named.unwrap_or_else(|| IMAGE.to_owned());
    println!("\n== In a container of {image}\n");
    let sandbox = DockerSandbox::builder(image).engine(engine).start().await?;
    crate::mends(Arc::new(sandbox)).await
}
