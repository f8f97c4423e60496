//! The guest: what runs inside a sandbox, and gives its files and commands to whoever is at the other end of a stream.
//!
//! It is `backend-fs`, `sandbox-local` and the wire in one static file. It has no configuration but its command line, logs
//! nothing, and writes nothing to standard output but the protocol.

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
    complain("the guest runs on Linux", 1)
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

    // Where there is no standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "agent-guest: {}", message.trim_end());
    ExitCode::from(code)
}
