//! `connect`: standard input and output joined to a socket. It looks at none of the bytes.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::args::Connect;

/// How long to wait before trying the socket again.
const RETRY: Duration = Duration::from_millis(5);

/// How many bytes are moved at once.
const BUFFER_BYTES: usize = 64 << 10;

pub(crate) fn run(options: &Connect) -> Result<(), String> {
    let failed = |error: io::Error| format!("{}: {error}", options.socket.display());
    let socket = connect(&options.socket, options.wait).map_err(failed)?;
    let to_socket = socket.try_clone().map_err(failed)?;
    // The thread ends with the process: it may be waiting for input that never arrives.
    thread::Builder::new()
        .spawn(move || {
            let _ = copy(&mut io::stdin().lock(), &to_socket);
            let _ = to_socket.shutdown(Shutdown::Write);
        })
        .map_err(|error| format!("cannot create a thread: {error}"))?;
    copy(&socket, &mut io::stdout().lock()).map_err(failed)
}

/// Connects to a socket that may not exist yet.
fn connect(path: &Path, wait: Duration) -> io::Result<UnixStream> {
    let deadline = Instant::now().checked_add(wait);
    loop {
        let error = match UnixStream::connect(path) {
            Ok(socket) => return Ok(socket),
            Err(error) => error,
        };
        let early = matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
        );
        if !early || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(error);
        }
        thread::sleep(RETRY);
    }
}

/// Copies everything as it arrives.
fn copy(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(buffer.get(..read).unwrap_or_default())?;
        to.flush()?;
    }
}
