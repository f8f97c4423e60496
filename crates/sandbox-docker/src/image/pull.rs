//! Finding an image in the engine, and pulling it from its registry.

use std::time::Duration;

use backend_core::{Error, Result};
use bollard::models::{CreateImageInfo, ImageConfig};
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt as _;

use super::{ImageProgress, PullPolicy, Report, reference};
use crate::Engine;
use crate::engine::{self, SHORT};

/// How long a pull may go without progress. The engine reports every layer, and gives up on an unresponsive registry earlier than
/// this.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(180);

/// The relevant properties of an image in the engine.
#[derive(Clone, Debug, Default)]
pub(super) struct ImageInfo {
    pub(super) id: String,
    /// Its user, if it has one.
    pub(super) user: Option<String>,
    /// Whether the engine would run a health check in its containers.
    pub(super) checks_health: bool,
}

/// Returns an image, if the engine has it.
pub(super) async fn find(engine: &Engine, image: &str) -> Result<Option<ImageInfo>> {
    reference::check(image)?;
    let what = "looking for an image";
    let call = engine.docker().inspect_image(image);
    match engine.try_call(what, SHORT, call).await? {
        Ok(found) => Ok(found.id.map(|id| of(id, found.config.unwrap_or_default()))),
        Err(error) if engine::gone(&error) => Ok(None),
        Err(error) => Err(engine::failure(what, error)),
    }
}

fn of(id: String, config: ImageConfig) -> ImageInfo {
    let test = config.healthcheck.and_then(|check| check.test);
    let test = test.unwrap_or_default();
    ImageInfo {
        id,
        user: config.user.filter(|user| !user.is_empty()),
        checks_health: test.first().is_some_and(|kind| kind != "NONE"),
    }
}

/// Makes sure that the engine has an image, and returns it.
pub(super) async fn ensure(
    engine: &Engine,
    image: &str,
    policy: PullPolicy,
    report: Option<&Report<'_>>,
) -> Result<ImageInfo> {
    let found = find(engine, image).await?;
    match (found, policy) {
        (Some(found), PullPolicy::Missing | PullPolicy::Never) => return Ok(found),
        (Some(found), PullPolicy::Always) if reference::is_id(image) => return Ok(found),
        (None, PullPolicy::Never) => {
            return Err(Error::invalid_request(format!(
                "the engine does not have the image '{image}', and may not pull it"
            )));
        }
        (None, _) if reference::is_id(image) => {
            return Err(Error::invalid_request(format!(
                "the engine does not have the image '{image}', and no registry knows an image by its id"
            )));
        }
        (None, PullPolicy::Missing) | (_, PullPolicy::Always) => {}
    }
    pull(engine, image, report).await?;
    find(engine, image).await?.ok_or_else(|| {
        Error::unavailable(format!("the image '{image}' was pulled and is gone again"))
    })
}

async fn pull(engine: &Engine, image: &str, report: Option<&Report<'_>>) -> Result<()> {
    let (repository, tag) = reference::split(image);
    let options = CreateImageOptionsBuilder::default()
        .from_image(repository)
        .tag(tag)
        .build();
    let mut news = engine.docker().create_image(Some(options), None, None);
    loop {
        let next = tokio::time::timeout(PROGRESS_TIMEOUT, news.next()).await;
        match next {
            Err(_) => {
                return Err(Error::unavailable(format!(
                    "pulling '{image}': no progress within {PROGRESS_TIMEOUT:?}"
                )));
            }
            Ok(None) => return Ok(()),
            Ok(Some(Ok(info))) => {
                if let Some(report) = report {
                    report(progress(info));
                }
            }
            Ok(Some(Err(error))) => return Err(failed(image, error)),
        }
    }
}

fn progress(info: CreateImageInfo) -> ImageProgress {
    let detail = info.progress_detail.unwrap_or_default();
    let bytes = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    ImageProgress::Pull {
        layer: info.id,
        status: info.status.unwrap_or_default(),
        bytes: bytes(detail.current),
        of: bytes(detail.total),
    }
}

/// Returns the error for a failed pull. The engine's message names its host's resolver and proxy, and is kept as the source.
fn failed(image: &str, error: bollard::errors::Error) -> Error {
    let said = engine::refused(&error).unwrap_or_default().to_lowercase();
    let has = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
    if has(&[
        "not found",
        "manifest unknown",
        "does not exist",
        "access denied",
        "no basic auth credentials",
        "unauthorized",
    ]) {
        return Error::invalid_request(format!(
            "the registry has no image '{image}', or requires you to log in (`docker login`, then `docker pull`)"
        ));
    }
    if has(&["toomanyrequests", "rate limit"]) {
        let message = format!("pulling '{image}': the registry allows no more pulls for now");
        return Error::unavailable_from(message, error);
    }
    if engine::refused(&error).is_some() {
        let message = format!(
            "the engine does not have the image '{image}', and cannot reach its registry; `docker pull` or `docker load` it"
        );
        return Error::unavailable_from(message, error);
    }
    engine::failure(&format!("pulling '{image}'"), error)
}

#[cfg(test)]
mod tests {
    use backend_core::ErrorKind;
    use bollard::errors::Error as EngineError;

    use super::failed;

    #[track_caller]
    fn check(said: &str, kind: ErrorKind, want: &str) {
        for error in [
            EngineError::DockerStreamError {
                error: said.to_owned(),
            },
            EngineError::DockerResponseServerError {
                status_code: 500,
                message: said.to_owned(),
            },
        ] {
            let error = failed("a/b:c", error);
            assert_eq!(error.kind(), kind, "{error}");
            let message = error.to_string();
            assert!(
                message.contains(want) && message.contains("'a/b:c'"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_missing_image_is_distinguished_from_a_missing_network() {
        let invalid = ErrorKind::InvalidRequest;
        let unavailable = ErrorKind::Unavailable;
        check(
            "manifest for a/b:c not found: manifest unknown",
            invalid,
            "has no image",
        );
        check(
            "pull access denied for a/b, repository does not exist or may require 'docker login'",
            invalid,
            "log in",
        );
        check(
            "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host",
            unavailable,
            "cannot reach",
        );
        check(
            "net/http: request canceled while waiting for connection",
            unavailable,
            "cannot reach",
        );
        check(
            "toomanyrequests: You have reached your pull rate limit",
            unavailable,
            "for now",
        );
    }
}
