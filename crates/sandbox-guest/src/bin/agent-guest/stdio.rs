//! Standard input and output as one stream.
//!
//! Pipes and sockets are read and written as such. Anything else goes through blocking threads, because the kernel
//! cannot report its readiness.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;

use tokio::io::{AsyncRead, AsyncWrite, Join};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Takes standard input and output.
pub(crate) fn take() -> Join<Reader, Writer> {
    let reader =
        pipe_in().or_else(|_| socket(&io::stdin()).map(|socket| Box::new(socket) as Reader));
    let writer =
        pipe_out().or_else(|_| socket(&io::stdout()).map(|socket| Box::new(socket) as Writer));
    tokio::io::join(
        reader.unwrap_or_else(|_| Box::new(tokio::io::stdin())),
        writer.unwrap_or_else(|_| Box::new(tokio::io::stdout())),
    )
}

fn pipe_in() -> io::Result<Reader> {
    Ok(Box::new(pipe::Receiver::from_owned_fd(
        copy(&io::stdin())?,
    )?))
}

fn pipe_out() -> io::Result<Writer> {
    Ok(Box::new(pipe::Sender::from_owned_fd(copy(&io::stdout())?)?))
}

fn socket(of: &impl AsFd) -> io::Result<UnixStream> {
    let socket = StdUnixStream::from(copy(of)?);
    // Fails if it is not a socket, or a socket of another family.
    socket.peer_addr()?;
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}

fn copy(of: &impl AsFd) -> io::Result<OwnedFd> {
    of.as_fd().try_clone_to_owned()
}
