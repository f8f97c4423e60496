//! `init`: connections on a Unix socket. All of them share files, commands and processes, which outlive them.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use backend_core::Sandbox;
use backend_core::wire::Server;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::workspace::Guest;
use crate::{args, limits, memory, pid1, workspace};

/// How many connections are served at once. A host has one, and a second while it reconnects.
const CONNECTIONS: usize = 16;

/// How many more may wait for a slot. Any beyond that are closed at once.
const WAITING: usize = 64;

/// How long a connection waits until it is turned away: less than a host waits for the hello.
const SLOT_TIMEOUT: Duration = Duration::from_secs(6);

/// The number of steps in which to wait for a lease.
const LEASE_STEPS: u32 = 20;

/// How long to wait when a connection cannot be accepted, for example for lack of descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

pub(crate) fn run(mut options: args::Init) -> Result<(), String> {
    memory::outlive();
    options.workspace.inherits(limits::outlive());
    if std::process::id() == 1 {
        // The rest runs in a child. The parent only reaps orphans, and never runs anything else.
        pid1::split()?;
    }
    memory::settle();
    workspace::run(async {
        let guest = workspace::open(&options.workspace).await?;
        let socket = Socket::bind(&options.socket)?;
        let signals = [
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
        ]
        .into_iter()
        .map(signal)
        .collect::<io::Result<Vec<Signal>>>()
        .map_err(|error| format!("cannot receive signals: {error}"))?;
        accept(&guest, &socket, signals, options.lease).await;
        drop(socket);
        let _ = guest.stop().await;
        Ok(())
    })
}

/// Accepts connections until there is a reason to end: a signal, the end of the lease, or the end of the sandbox.
async fn accept(
    guest: &Arc<Guest>,
    socket: &Socket,
    mut signals: Vec<Signal>,
    lease: Option<Duration>,
) {
    let server = Server::sandbox(Arc::clone(guest)).options(workspace::options());
    let (ending, ended) = watch::channel(false);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let lease = lease.filter(|_| connections.is_empty());
        let lonely = async {
            match lease {
                Some(lease) => run_out(lease).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            stream = socket.listener.accept() => match stream {
                Ok((stream, _)) if connections.len() < CONNECTIONS + WAITING => {
                    let places = Arc::clone(&places);
                    connections.spawn(serve(server.clone(), stream, places, ended.clone()));
                }
                // Dropping it closes it.
                Ok(_) => {}
                Err(_) => tokio::time::sleep(ACCEPT_RETRY_DELAY).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {
                if !guest.liveness().await.is_alive() {
                    break;
                }
            }
            () = any(&mut signals) => break,
            () = lonely => break,
        }
    }
    let _ = ending.send(true);
    while connections.join_next().await.is_some() {}
}

/// Waits for the end of a lease. A container that was paused does not find the lease expired when it resumes: only the
/// step in which it was paused has passed.
async fn run_out(lease: Duration) {
    for _ in 0..LEASE_STEPS {
        tokio::time::sleep(lease / LEASE_STEPS).await;
    }
}

/// Serves a connection once there is a slot for it, or tells it that there is none in time.
async fn serve(
    server: Server,
    stream: UnixStream,
    places: Arc<Semaphore>,
    mut ended: watch::Receiver<bool>,
) {
    let stop = async move {
        let _ = ended.wait_for(|ended| *ended).await;
    };
    let mut stop = pin!(stop);
    let place = tokio::select! {
        place = tokio::time::timeout(SLOT_TIMEOUT, places.acquire()) => place,
        () = &mut stop => return,
    };
    let Ok(Ok(_place)) = place else {
        let reason = format!(
            "{CONNECTIONS} programs are connected to this sandbox, which is the limit; close one \
             of them"
        );
        let _ = server.refuse(stream, &reason).await;
        return;
    };
    // The peer knows how its connection ended; the next connection starts afresh.
    let _ = server.serve_until(stream, stop).await;
}

/// Waits for any of some signals.
async fn any(signals: &mut [Signal]) {
    std::future::poll_fn(|context| {
        let came = signals
            .iter_mut()
            .any(|signal| signal.poll_recv(context).is_ready());
        if came {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

/// A listening socket, removed when it is dropped.
struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Listens on a path. The dead socket of a killed guest is replaced; a socket that answers is not, and neither is
    /// anything else.
    fn bind(path: &Path) -> Result<Self, String> {
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_dead(path) => {
                fs::remove_file(path).and_then(|()| UnixListener::bind(path))
            }
            bound => bound,
        };
        let listener = listener
            .and_then(|listener| {
                fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
                Ok(listener)
            })
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Returns whether there is a socket without a listener.
fn is_dead(path: &Path) -> bool {
    let socket = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    socket && StdUnixStream::connect(path).err().is_some_and(refused)
}
