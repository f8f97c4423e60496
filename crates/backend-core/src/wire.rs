//! A [`Backend`] or a [`Sandbox`] over any stream of bytes.
//!
//! [`serve`] on one side, [`connect`] on the other: the served workspace becomes a backend and a sandbox on the other side,
//! with the same operations, outcomes and errors. The stream is anything that reads and writes: a socket, a pair of pipes,
//! the attached stream of a container. It provides no encryption or authentication; use a stream that does.
//!
//! - Many requests run concurrently, and none waits for another: long transfers are cut into frames, and small requests
//!   pass between them.
//! - Each transfer has a window. A slow receiver blocks only its own sender.
//! - Dropping a call cancels the operation on the other side, and kills a command.
//! - Once a connection has ended, every call answers `unavailable`, immediately and permanently.
//! - Neither side trusts the other: every size has a limit in [`Limits`], and a violation of the rules ends the connection
//!   with an error that names the broken rule.
//!
//! It needs a tokio runtime with time enabled; a connection is one task, and a server has one more for each request.
//!
//! # Examples
//!
//! ```
//! use backend_core::{Backend, BackendExt, wire};
//!
//! async fn twice(files: impl Backend) -> backend_core::Result<()> {
//!     let (near, far) = tokio::io::duplex(64 << 10);
//!     tokio::spawn(async move { wire::serve_backend(files, far).await });
//!     let remote = wire::connect(near).await?;
//!     remote.write("/notes.txt", "first\n").await?;
//!     remote.edit("/notes.txt", "first", "second").await?;
//!     Ok(())
//! }
//! ```
//!
//! # The protocol, byte by byte
#![doc = include_str!("wire/protocol.md")]

use tokio::io::{AsyncRead, AsyncWrite};

use crate::{Backend, Result, Sandbox};

mod budget;
mod bulk;
mod client;
mod codec;
mod credit;
mod dispatch;
mod envelope;
mod failure;
mod frame;
mod hello;
mod inbox;
mod keepalive;
mod limits;
mod link;
mod message;
mod options;
mod outbox;
mod pause;
mod reader;
mod receive;
mod remote;
mod request;
mod server;
mod writer;

pub use limits::Limits;
pub use options::{KeepAlive, Options};
pub use remote::Remote;
pub use server::Server;

/// The version of the protocol that this crate speaks.
pub const VERSION: u16 = 1;

/// Serves a sandbox on a stream until the other side ends the connection. [`Server`] has more options.
///
/// # Errors
///
/// As [`Server::serve`].
///
/// # Cancellation
///
/// As [`Server::serve`].
pub async fn serve(
    sandbox: impl Sandbox,
    io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<()> {
    Server::sandbox(sandbox).serve(io).await
}

/// Serves a backend on a stream until the other side ends the connection. [`Server`] has more options.
///
/// # Errors
///
/// As [`Server::serve`].
///
/// # Cancellation
///
/// As [`Server::serve`].
pub async fn serve_backend(
    backend: impl Backend,
    io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<()> {
    Server::backend(backend).serve(io).await
}

/// Connects to the workspace that is served at the other end of a stream.
///
/// # Errors
///
/// `unavailable` where the other side sends no hello in time, speaks another protocol or no version that this side
/// supports, or the connection is lost.
pub async fn connect(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Remote> {
    connect_with(io, &Options::default()).await
}

/// Connects to the workspace that is served at the other end of a stream, with options.
///
/// # Errors
///
/// As [`connect`].
pub async fn connect_with(
    io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    options: &Options,
) -> Result<Remote> {
    Remote::connect(io, options).await
}
