//! The program `agent-backends`. Everything is in the library beside it, so that tests can ask it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    backend_cli::main()
}
