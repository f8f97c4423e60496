//! The program `agent-backends`. Everything is in the library next to it, so tests can use it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    backend_cli::main()
}
