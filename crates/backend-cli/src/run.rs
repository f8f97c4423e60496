//! The program from start to end: arguments, runtime, signals, closing the workspace, exit code.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::Cli;
use crate::context::Context;
use crate::exit;
use crate::failure::{Failure, Result};
use crate::out::Out;

/// How long the program may take to end after a signal, before it exits regardless.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Runs the program with the arguments of the process, and returns its exit code.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::parse_args(args.iter().cloned()) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, &args).into(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let code = match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(run(cli));
            // A thread that reads a terminal cannot be joined.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            let failure = Failure::Host("starting threads".to_owned(), error);
            told(&mut Out::new(&cli.output), &failure)
        }
    };
    code.into()
}

async fn run(cli: Cli) -> u8 {
    let mut context = Context::new(Out::new(&cli.output), cli.workspace);
    let (mut first, mut second) = match (Ends::new(), Ends::new()) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(error), _) | (_, Err(error)) => {
            return told(
                &mut context.out,
                &Failure::Host("waiting for signals".to_owned(), error),
            );
        }
    };
    // A write over the file size limit then fails and is reported. A handled signal, unlike an ignored one, keeps its
    // default for the commands that this program starts.
    let too_large = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    if let Err(error) = signal(too_large) {
        let failure = Failure::Host("handling a signal".to_owned(), error);
        return told(&mut context.out, &failure);
    }
    // Whatever blocks the thread of the command, such as a stalled reader, does not block this one.
    tokio::spawn(async move {
        let number = second.next().await;
        tokio::select! {
            () = tokio::time::sleep(SHUTDOWN_GRACE) => {}
            _ = second.next() => {}
        }
        std::process::exit(exit::of_signal(number).into());
    });
    let is_server = cli.command.is_server();
    let outcome = tokio::select! {
        outcome = cli.command.run(&mut context) => outcome,
        number = first.next() => match is_server {
            // A server that ends on a signal has done everything it was asked for.
            true => Ok(exit::OK),
            false => Err(Failure::Signal(number)),
        },
    };
    finish(context, outcome).await
}

/// Closes the workspace, and reports failures.
async fn finish(mut context: Context, outcome: Result<u8>) -> u8 {
    let closed = match context.take_workspace() {
        None => Ok(()),
        Some(workspace) if matches!(outcome, Err(Failure::Signal(_))) => {
            workspace.abandon().await;
            Ok(())
        }
        // A change takes effect even if its output was not read.
        Some(workspace) => workspace.close().await,
    };
    let mut code = match outcome {
        Ok(code) => code,
        Err(failure) => told(&mut context.out, &failure),
    };
    if let Err(failure) = closed {
        code = told(&mut context.out, &failure);
    }
    match context.out.flush() {
        Ok(()) => code,
        Err(failure) => told(&mut context.out, &failure),
    }
}

/// Reports a failure, and returns its exit code. A closed output and the user's own signal are not reported.
fn told(out: &mut Out, failure: &Failure) -> u8 {
    if matches!(failure, Failure::ClosedPipe | Failure::Signal(_)) {
        return failure.code();
    }
    match out.failure(failure) {
        Ok(()) => failure.code(),
        Err(other) => other.code(),
    }
}

/// Reports errors in the arguments, or shows the requested help.
fn refuse(error: &clap::Error, args: &[OsString]) -> u8 {
    let is_help = !error.use_stderr();
    let own = args.iter().skip(1).take_while(|arg| *arg != "--");
    if !is_help && own.into_iter().any(|arg| arg == "--json") {
        let message = error.render().to_string();
        let message = message.trim().trim_start_matches("error: ");
        let document = json!({
            "error": { "kind": "usage", "message": message, "exit_code": exit::USAGE }
        });
        return match writeln!(io::stdout(), "{document}") {
            Ok(()) => exit::USAGE,
            Err(_) => exit::CLOSED_PIPE,
        };
    }
    match error.print() {
        Ok(()) if is_help => exit::OK,
        Ok(()) => exit::USAGE,
        Err(failed) if failed.kind() == io::ErrorKind::BrokenPipe => exit::CLOSED_PIPE,
        Err(_) => exit::HOST,
    }
}

/// The signals that ask the program to end.
struct Ends {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Ends {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for one, and returns its number.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.hangup.recv() => SignalKind::hangup().as_raw_value(),
        }
    }
}
