//! The guest: runs inside a sandbox, and serves its files and commands over a stream.
//!
//! It is `backend-fs`, `sandbox-local` and the wire in one static file. Its only configuration is its command line, it
//! logs nothing, and it writes only the protocol to standard output.

#![deny(unsafe_code)]

#[cfg(target_os = "linux")]
mod args;
#[cfg(target_os = "linux")]
mod connect;
#[cfg(target_os = "linux")]
mod init;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod pid1;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod stdio;
#[cfg(target_os = "linux")]
mod workspace;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let outcome = match args::parse(std::env::args_os().skip(1)) {
        Ok(args::Task::Say(text)) => return say(&text),
        Ok(args::Task::Serve(options)) => serve::run(options),
        Ok(args::Task::Init(options)) => init::run(options),
        Ok(args::Task::Connect(options)) => connect::run(&options),
        Err(message) => return complain(&format!("{message}\n\n{}", args::USAGE), 2),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => complain(&message, 1),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    complain("the guest runs only on Linux", 1)
}

#[cfg(target_os = "linux")]
fn say(text: &str) -> ExitCode {
    use std::io::Write;

    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn complain(message: &str, code: u8) -> ExitCode {
    use std::io::Write;

    // Without standard error there is nowhere to report it.
    let _ = writeln!(std::io::stderr(), "agent-guest: {}", message.trim_end());
    ExitCode::from(code)
}
