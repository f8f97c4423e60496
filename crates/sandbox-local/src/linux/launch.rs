//! Starts a command with its streams and environment, and classifies failures to start.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use backend_core::{Error, Result};
use tokio::net::unix::pipe::Sender;

use super::host_root::HostRoot;
use super::plan::Plan;
use super::registry::{KillOnDrop, Registry};
use super::source::{Source, Sources};
use super::terminal::Terminal;
use super::tree::Tree;

/// How often to retry a program that another process has open for writing.
const MAX_BUSY_RETRIES: u32 = 7;

/// The outcome of a start.
#[derive(Debug)]
pub(super) enum Launched {
    /// It runs.
    Running(Running),
    /// There is no such program, or it cannot be run. Answered like a shell does, with a code and a line.
    Refused {
        /// The exit code.
        code: i32,
        /// The line, including its newline.
        line: String,
    },
}

/// A command that was just started.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) tree: KillOnDrop,
    pub(super) input: Sender,
    pub(super) sources: Sources,
    /// Our end of its terminal, if it has one.
    pub(super) terminal: Option<OwnedFd>,
}

/// The command's ends of its streams, and ours.
struct Streams {
    theirs: [OwnedFd; 3],
    input: OwnedFd,
    output: OwnedFd,
    errors: Option<OwnedFd>,
    terminal: Option<OwnedFd>,
}

/// Starts a command. Blocks, and must be called within a runtime.
///
/// The registry looks after what was started, even if the result is dropped.
pub(super) fn launch(
    plan: &Plan,
    host_root: &HostRoot,
    registry: &Arc<Registry>,
) -> Result<Launched> {
    let mut tries = 0;
    loop {
        let cwd = host_root.open_cwd(plan.cwd.as_ref())?;
        let error = match try_launch(plan, cwd, registry) {
            Ok(running) => return Ok(Launched::Running(running)),
            Err(Failure::Sandbox(error)) => return Err(error),
            Err(Failure::System(error)) => error,
        };
        // If another thread forks while a program is being written, the new process holds the file open for writing
        // until its own exec, a moment later.
        if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < MAX_BUSY_RETRIES {
            thread::sleep(Duration::from_millis(1 << tries));
            tries += 1;
            continue;
        }
        return refusal(plan, error);
    }
}

/// Why a command was not started.
enum Failure {
    /// The sandbox no longer starts commands.
    Sandbox(Error),
    /// The system failed to start it.
    System(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sandbox(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

fn try_launch(plan: &Plan, cwd: OwnedFd, registry: &Arc<Registry>) -> Result<Running, Failure> {
    let Streams {
        theirs: [stdin, stdout, stderr],
        input,
        output,
        errors,
        terminal,
    } = Streams::open(plan)?;
    let mut command = Command::new(&plan.program);
    command
        .args(&plan.arguments)
        .env_clear()
        .envs(&plan.env)
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::from(stderr));
    let sources = Sources {
        stdout: Some(Source::new(output)?),
        stderr: errors.map(Source::new).transpose()?,
    };
    let input = Sender::from_owned_fd_unchecked(input)?;
    let in_terminal = terminal.is_some();
    let tree = registry.register(|| {
        Tree::start(command, cwd, in_terminal, plan.limits.clone()).map_err(Failure::System)
    })?;
    Ok(Running {
        tree,
        input,
        sources,
        terminal,
    })
}

impl Streams {
    fn open(plan: &Plan) -> io::Result<Self> {
        if let Some(size) = plan.terminal {
            let Terminal { ours, theirs } = Terminal::open(size)?;
            return Ok(Self {
                theirs: [theirs.try_clone()?, theirs.try_clone()?, theirs],
                input: ours.try_clone()?,
                output: ours.try_clone()?,
                errors: None,
                terminal: Some(ours),
            });
        }
        let (stdin, input) = pipe()?;
        let (output, stdout) = pipe()?;
        let (errors, stderr) = pipe()?;
        // Only our ends are non-blocking: programs get ordinary blocking ones.
        for end in [&input, &output, &errors] {
            rustix::io::ioctl_fionbio(end, true)?;
        }
        Ok(Self {
            theirs: [stdin, stdout, stderr],
            input,
            output,
            errors: Some(errors),
            terminal: None,
        })
    }
}

/// Creates a pipe, and returns its read end and its write end. Programs do not inherit it.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    Ok((reader.into(), writer.into()))
}

/// Separates the command's own errors from failures on our side.
fn refusal(plan: &Plan, error: io::Error) -> Result<Launched> {
    let program = plan.program.display();
    let refused = |code, why: &str| {
        Ok(Launched::Refused {
            code,
            line: format!("{program}: {why}\n"),
        })
    };
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) => refused(127, "not found"),
        Some(libc::ENAMETOOLONG) => refused(127, "name too long"),
        Some(libc::ELOOP) => refused(127, "too many symbolic links"),
        Some(libc::EACCES | libc::EPERM | libc::EISDIR) => refused(126, "permission denied"),
        Some(libc::ENOEXEC | libc::ELIBBAD | libc::EINVAL) => refused(126, "not a program"),
        Some(libc::ETXTBSY) => refused(126, "is being written"),
        Some(libc::E2BIG) => Err(Error::invalid_request("argument list too long")),
        Some(libc::EAGAIN | libc::ENOMEM | libc::EMFILE | libc::ENFILE | libc::ENOSPC) => Err(
            Error::unavailable_from("the host has no room for another process", error),
        ),
        _ => Err(Error::internal_from(
            None,
            "starting the command failed",
            error,
        )),
    }
}
