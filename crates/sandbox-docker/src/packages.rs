//! Packages of an image whose work directory is hidden by a mount.

use backend_core::{PackageManager, Result};
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures_util::StreamExt as _;

use crate::container::Container;
use crate::engine::SHORT;
use crate::image::LINK;
use crate::settings::Settings;

/// Links the npm packages into the work directory of a started container, if a mount hides the image's own. A directory in which
/// the user cannot create a link is left as it is.
pub(crate) async fn link(container: &Container, settings: &Settings) -> Result<()> {
    let npm = settings.runtime().is_some_and(|runtime| {
        let mut sets = runtime.packages().iter();
        sets.any(|set| set.manager == PackageManager::Npm)
    });
    let work_dir = settings.work_dir()?;
    if !npm || !settings.hides(&work_dir) {
        return Ok(());
    }
    let what = "linking the packages of the runtime";
    let command = ["/bin/sh", "-c", LINK, "sh", work_dir.as_str()];
    let options = CreateExecOptions {
        cmd: Some(command.map(str::to_owned).to_vec()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..CreateExecOptions::default()
    };
    let docker = container.engine.docker();
    let exec = docker.create_exec(&container.key, options);
    let exec = container.engine.call(what, SHORT, exec).await?.id;
    let run = async {
        let started = docker.start_exec(&exec, None::<StartExecOptions>).await?;
        if let StartExecResults::Attached { mut output, .. } = started {
            while output.next().await.transpose()?.is_some() {}
        }
        docker.inspect_exec(&exec).await
    };
    let ended = container.engine.call(what, SHORT, run).await?;
    if ended.exit_code != Some(0) {
        tracing::debug!(container = %container.key, code = ended.exit_code, "packages were not linked");
    }
    Ok(())
}
