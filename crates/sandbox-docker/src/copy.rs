//! Whole directories between this machine and a container, each as one stream.
//!
//! The engine can pack and unpack the files of a container, except those in memory or on a read-only root file system. For these
//! the container's own `tar` is used.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backend_core::{Backend, BackendExt, EntryKind, Error, IntoPath, Result, VirtualPath};
use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::DockerSandbox;
use crate::container::Container;
use crate::engine::{failure, gone};
use crate::work_dir_owner;

mod pack;
mod pipe;
mod unpack;

/// Time limit of one copy.
const LIMIT: Duration = Duration::from_secs(3600);

/// How many chunks of a stream are buffered.
const CHANNEL_CHUNKS: usize = 16;

/// The outcome of a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// The number of files.
    pub files: u64,
    /// The number of bytes in them.
    pub bytes: u64,
    /// How many entries were skipped: sockets, devices, and entries not allowed outside a container, such as links that lead out
    /// of the directory.
    pub skipped: u64,
}

/// How a directory of a container is accessed.
enum CopyMethod {
    /// Through the engine. Unpacked files get these numbers as owner.
    Engine { user: u32, group: u32 },
    /// Through the container's own `tar`, as its user.
    Tar,
}

impl DockerSandbox {
    /// Copies the contents of a directory of this machine into one of the sandbox, which is created if missing. Files of the same
    /// names are replaced. Modes and links are kept; the sandbox's user owns all of it.
    ///
    /// # Errors
    ///
    /// `invalid_request` if there is no such directory on this machine; the errors of [`mkdir_with`](Backend::mkdir_with);
    /// `unsupported` if the sandbox's directory is in memory and the image has no `tar`; `unavailable`.
    pub async fn copy_in(&self, directory: impl AsRef<Path>, to: impl IntoPath) -> Result<Copied> {
        let to = to.into_path_from(&self.work_dir())?;
        let directory = directory.as_ref().to_owned();
        if !directory.is_dir() {
            return Err(Error::invalid_request(
                "the source is not a directory of this machine",
            ));
        }
        self.mkdir(&to).await?;
        let container = self.started()?;
        let copy_method = copy_method(container, &to).await?;
        let (sender, mut pieces) = mpsc::channel(CHANNEL_CHUNKS);
        let owner = match copy_method {
            CopyMethod::Engine { user, group } => (user, group),
            CopyMethod::Tar => (0, 0),
        };
        let packing = tokio::task::spawn_blocking(move || pack::pack(&directory, owner, sender));
        let unpacking = async {
            match copy_method {
                CopyMethod::Engine { .. } => {
                    let pieces =
                        futures_util::stream::poll_fn(move |context| pieces.poll_recv(context));
                    let options = UploadToContainerOptionsBuilder::default()
                        .path(to.as_str())
                        .build();
                    let body = bollard::body_try_stream(pieces);
                    let docker = container.engine.docker();
                    let call = docker.upload_to_container(&container.key, Some(options), body);
                    container
                        .engine
                        .call("copying into the container", LIMIT, call)
                        .await
                }
                CopyMethod::Tar => into_tar(container, &to, pieces).await,
            }
        };
        let (packed, unpacked) = tokio::join!(packing, unpacking);
        unpacked?;
        packed
            .map_err(|error| {
                Error::internal_from(None, "copying into the container failed", error)
            })?
            .map_err(|error| Error::internal_from(None, "the source cannot be read", error))
    }

    /// Copies the contents of a directory of the sandbox into one of this machine, which is created if missing. Files of the same
    /// names are replaced.
    ///
    /// # Errors
    ///
    /// `not_found`; `not_a_directory`; `too_large` for more than `limit` bytes; `unsupported` if the sandbox's directory is in
    /// memory and the image has no `tar`; `unavailable`. Files copied before the error stay.
    ///
    /// # Security
    ///
    /// Anything that comes out of a sandbox is untrusted. Nothing is written outside the directory or through a link, and no link
    /// that leads out of it, no device and no set-user-ID bit is created.
    pub async fn copy_out(
        &self,
        from: impl IntoPath,
        directory: impl AsRef<Path>,
        limit: u64,
    ) -> Result<Copied> {
        let from = from.into_path_from(&self.work_dir())?;
        let entry = self.stat(&from).await?;
        if entry.kind != EntryKind::Directory || from.is_root() {
            return Err(Error::not_a_directory(&from));
        }
        let container = self.started()?;
        let copy_method = copy_method(container, &from).await?;
        let directory: PathBuf = directory.as_ref().to_owned();
        let (sender, pieces) = mpsc::channel(CHANNEL_CHUNKS);
        let prefix = match copy_method {
            // The first entry of the engine's archive is the directory itself.
            CopyMethod::Engine { .. } => 1,
            CopyMethod::Tar => 0,
        };
        let unpacking =
            tokio::task::spawn_blocking(move || unpack::unpack(&directory, prefix, limit, pieces));
        let packing = async {
            match copy_method {
                CopyMethod::Engine { .. } => {
                    let options = DownloadFromContainerOptionsBuilder::default()
                        .path(from.as_str())
                        .build();
                    let docker = container.engine.docker();
                    let pieces = docker.download_from_container(&container.key, Some(options));
                    out_of_engine(container, &from, pieces, sender).await
                }
                CopyMethod::Tar => out_of_tar(container, &from, sender).await,
            }
        };
        let (unpacked, packed) = tokio::join!(unpacking, packing);
        let unpacked = unpacked.map_err(|error| {
            Error::internal_from(None, "copying out of the container failed", error)
        })?;
        match unpacked {
            Err(unpack::Failure::TooLarge) => Err(Error::TooLarge {
                path: from,
                size: limit.saturating_add(1),
                limit,
            }),
            // The reason for the end of the stream is more useful.
            Err(unpack::Failure::Io(error)) => Err(packed.err().unwrap_or_else(|| {
                Error::internal_from(
                    None,
                    "the files copied out of the container cannot be written",
                    error,
                )
            })),
            Ok(copied) => packed.map(|()| copied),
        }
    }
}

/// Determines how a directory is accessed.
async fn copy_method(container: &Container, path: &VirtualPath) -> Result<CopyMethod> {
    let found = container.inspect().await?.unwrap_or_default();
    let host = found.host_config.unwrap_or_default();
    let in_memory = host
        .tmpfs
        .unwrap_or_default()
        .into_keys()
        .any(|mount| VirtualPath::parse(&mount).is_ok_and(|mount| path.starts_with(&mount)));
    let device = path.as_str() == "/dev" || path.as_str().starts_with("/dev/");
    if in_memory || device || host.readonly_rootfs == Some(true) {
        return Ok(CopyMethod::Tar);
    }
    let user = found
        .config
        .and_then(|config| config.user)
        .unwrap_or_default();
    let (user, group) = work_dir_owner::uid_and_gid(container, &user).await?;
    Ok(CopyMethod::Engine { user, group })
}

async fn into_tar(
    container: &Container,
    to: &VirtualPath,
    mut pieces: mpsc::Receiver<io::Result<Bytes>>,
) -> Result<()> {
    let what = "copying into the container";
    let command = ["tar", "-x", "-f", "-", "-C", to.as_str()]
        .map(str::to_owned)
        .to_vec();
    let running = container.run(command).await?;
    let (mut output, mut input) = tokio::io::split(running.stream);
    let copy = async {
        while let Some(Ok(piece)) = pieces.recv().await {
            if input.write_all(&piece).await.is_err() {
                break;
            }
        }
        let _ = input.shutdown().await;
        let mut rest = Vec::new();
        let _ = (&mut output).take(1 << 16).read_to_end(&mut rest).await;
    };
    let late = tokio::time::timeout(LIMIT, copy).await.is_err();
    ended(container, what, &running.exec, late).await
}

async fn out_of_tar(
    container: &Container,
    from: &VirtualPath,
    sender: mpsc::Sender<io::Result<Bytes>>,
) -> Result<()> {
    let what = "copying out of the container";
    let command = ["tar", "-c", "-f", "-", "-C", from.as_str(), "."]
        .map(str::to_owned)
        .to_vec();
    let mut running = container.run(command).await?;
    let copy = async {
        loop {
            let mut piece = bytes::BytesMut::with_capacity(64 << 10);
            match running.stream.read_buf(&mut piece).await {
                Ok(0) | Err(_) => return true,
                Ok(_) if sender.send(Ok(piece.freeze())).await.is_err() => return false,
                Ok(_) => {}
            }
        }
    };
    match tokio::time::timeout(LIMIT, copy).await {
        // The receiver has given up, and reports why.
        Ok(false) => Ok(()),
        whole => {
            let ended = ended(container, what, &running.exec, whole.is_err()).await;
            if ended.is_err() {
                let _ = sender.send(Err(io::ErrorKind::UnexpectedEof.into())).await;
            }
            ended
        }
    }
}

/// Checks whether `tar` in the container succeeded.
async fn ended(container: &Container, what: &str, exec: &str, late: bool) -> Result<()> {
    if late {
        return Err(Error::TimedOut {
            what: what.to_owned(),
            after: LIMIT,
        });
    }
    match container.exit_code(exec).await? {
        Some(0) => Ok(()),
        Some(126 | 127) => Err(Error::unsupported(format!(
            "{what}: the directory is in memory, where only the container's own `tar` reaches it, and the image has none"
        ))),
        code => Err(Error::internal(
            None,
            format!("{what}: `tar` failed in the container with code {code:?}"),
        )),
    }
}

async fn out_of_engine(
    container: &Container,
    from: &VirtualPath,
    mut pieces: impl Stream<Item = Result<Bytes, bollard::errors::Error>> + Unpin + Send,
    sender: mpsc::Sender<io::Result<Bytes>>,
) -> Result<()> {
    let what = "copying out of the container";
    let copy = async {
        while let Some(piece) = pieces.next().await {
            if sender.send(Ok(piece?)).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    match container.engine.try_call(what, LIMIT, copy).await? {
        Ok(()) => Ok(()),
        Err(error) => {
            let _ = sender.send(Err(io::ErrorKind::UnexpectedEof.into())).await;
            Err(if gone(&error) {
                Error::not_found(from)
            } else {
                failure(what, error)
            })
        }
    }
}
