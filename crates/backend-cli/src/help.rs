//! The longer texts of the help, and the headings of its groups.

pub(crate) const WORKSPACE: &str = "Workspace";
#[cfg(feature = "docker")]
pub(crate) const CONTAINER: &str = "Container";
pub(crate) const OUTPUT: &str = "Output";

pub(crate) const ABOUT: &str = "A workspace for AI agents: files, searches and commands";

pub(crate) const LONG_ABOUT: &str = "\
A workspace for AI agents: files, searches and commands.

The commands act on a workspace: a directory that they cannot leave (--root, the current one by default), a JSON \
document that holds files (--state), or a container (--docker). Other directories can be mounted in it (--mount), and rules \
can restrict it (--permissions). Paths are paths of the workspace: \
`src/main.rs` and `/src/main.rs` are the same file below its root, and `..` is refused.";

pub(crate) const AFTER_HELP: &str = "See 'agent-backends --help' for examples and exit codes.";

pub(crate) const AFTER_LONG_HELP: &str = "\
Examples:
  agent-backends grep -n 'fn main' -g '*.rs'
  agent-backends cat src/main.rs --lines 10:40 --number
  agent-backends edit src/main.rs --old 'foo()' --new 'bar()' --dry-run
  agent-backends --state memory.json write /notes/today.md 'buy milk'
  agent-backends --state memory.json cp -r /notes host:./notes
  agent-backends exec --docker python:3.12-slim --root . -- python -m unittest
  agent-backends exec --no-isolation --timeout 5m -- cargo test
  agent-backends mcp --root .
  agent-backends ls --mount /docs=../handbook:ro /docs --json

Exit codes:
    0  success, and something was found
    1  nothing was found (grep, glob), or not everything succeeded (doctor, cp)
    2  the command line, a path, a pattern or a request is wrong
    3  not found                        11  the text to replace occurs more than once
    4  already exists                   12  conflict: the file has changed
    5  permission denied                13  quota exceeded
    6  not a directory                  14  unsupported
    7  is a directory                   15  timed out
    8  not text                         16  unavailable
    9  too large                        17  internal
   10  the text to replace is missing   18  a file or stream of this machine failed
  130  interrupted (128 plus the signal number); 141 the output was closed
'exec' exits with the code of the command; see 'agent-backends exec --help'.";
