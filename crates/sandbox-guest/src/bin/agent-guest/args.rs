//! The command line, parsed by hand: a general parser would be a large part of the binary.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use backend_core::{Durability, SandboxId, VirtualPath};
use sandbox_local::Resource;

pub(crate) const USAGE: &str = "\
usage: agent-guest <command> [options]

  serve     serve files and commands on standard input and output, until the input ends
  init      serve them on a Unix socket, to one connection after another or several at once,
            until SIGTERM; processes outlive the connection that started them; as process 1
            it also reaps orphaned processes
  connect   join standard input and output to the socket of an init

options of serve and init:
  --root DIR          the directory to serve; / by default
  --work-dir PATH     the directory below the root where commands run, created if missing;
                      the root by default
  --id NAME           the name of the sandbox; guest by default
  --durability NAME   what a power loss can lose: relaxed, content (never existing content; the
                      default), or full (nothing confirmed)
  --inherit-env       give commands the variables of the guest itself, such as those of a container; a home
                      of / becomes the work directory
  --env NAME=VALUE    set an environment variable for every command (repeatable)
  --limit NAME=NUMBER a limit for each process of a command, such as nofile=1024 (repeatable)

options of init and connect:
  --socket PATH       the socket; /dev/shm/agent-guest.sock by default

options of init:
  --lease SECONDS     exit after this long without a connection

options of connect:
  --wait SECONDS      how long to wait for the socket to appear; 5 by default

  --version, --help   print the version, or this help
";

const SOCKET: &str = "/dev/shm/agent-guest.sock";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Task {
    Say(String),
    Serve(Workspace),
    Init(Init),
    Connect(Connect),
}

/// The workspace to serve.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) work_dir: VirtualPath,
    pub(crate) id: SandboxId,
    pub(crate) durability: Durability,
    pub(crate) inherit_env: bool,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) limits: Vec<Limit>,
}

/// A resource limit for each process of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) resource: Resource,
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

impl Workspace {
    /// Makes commands start with the limits that this process had. Explicit limits take precedence.
    pub(crate) fn inherits(&mut self, mut limits: Vec<Limit>) {
        limits.append(&mut self.limits);
        self.limits = limits;
    }
}

#[derive(Debug)]
pub(crate) struct Init {
    pub(crate) workspace: Workspace,
    pub(crate) socket: PathBuf,
    pub(crate) lease: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct Connect {
    pub(crate) socket: PathBuf,
    pub(crate) wait: Duration,
}

/// Everything that an option can set.
struct Options {
    root: PathBuf,
    work_dir: VirtualPath,
    id: String,
    durability: Durability,
    inherit_env: bool,
    env: Vec<(String, String)>,
    limits: Vec<Limit>,
    socket: PathBuf,
    lease: Option<Duration>,
    wait: Duration,
}

/// Parses the command line, without the name of the program.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Task, String> {
    let arguments: Vec<String> = arguments
        .map(OsString::into_string)
        .collect::<Result<_, _>>()
        .map_err(|argument| format!("{} is not UTF-8", argument.display()))?;
    let mut arguments = arguments.into_iter();
    let Some(command) = arguments.next() else {
        return Err("missing command".to_owned());
    };
    let allowed: &[&str] = match command.as_str() {
        "serve" => &[
            "--root",
            "--work-dir",
            "--id",
            "--durability",
            "--inherit-env",
            "--env",
            "--limit",
        ],
        "init" => &[
            "--root",
            "--work-dir",
            "--id",
            "--durability",
            "--inherit-env",
            "--env",
            "--limit",
            "--socket",
            "--lease",
        ],
        "connect" => &["--socket", "--wait"],
        "--version" | "-V" => {
            return Ok(Task::Say(format!(
                "agent-guest {}\n",
                env!("CARGO_PKG_VERSION")
            )));
        }
        "--help" | "-h" | "help" => return Ok(Task::Say(USAGE.to_owned())),
        other => return Err(format!("unknown command '{other}'")),
    };
    let mut options = Options {
        root: PathBuf::from("/"),
        work_dir: VirtualPath::root(),
        id: "guest".to_owned(),
        durability: Durability::default(),
        inherit_env: false,
        env: Vec::new(),
        limits: Vec::new(),
        socket: PathBuf::from(SOCKET),
        lease: None,
        wait: Duration::from_secs(5),
    };
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => {
                (name.to_owned(), Some(value.to_owned()))
            }
            _ => (argument, None),
        };
        if !allowed.contains(&name.as_str()) {
            return Err(format!("{command} has no option '{name}'"));
        }
        if name == "--inherit-env" {
            if value.is_some() {
                return Err(format!("{name} takes no value"));
            }
            options.inherit_env = true;
            continue;
        }
        let value = value
            .or_else(|| arguments.next())
            .ok_or_else(|| format!("{name} needs a value"))?;
        options.set(&name, value)?;
    }
    options.into_task(&command)
}

impl Options {
    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "--root" => self.root = path(name, value)?,
            "--work-dir" => {
                self.work_dir = VirtualPath::parse(&value).map_err(|error| error.to_string())?;
            }
            "--id" => self.id = value,
            "--durability" => {
                self.durability = value
                    .parse()
                    .map_err(|_| "--durability takes relaxed, content or full".to_owned())?;
            }
            "--env" => {
                let Some((variable, value)) = value.split_once('=') else {
                    return Err("--env takes NAME=VALUE".to_owned());
                };
                self.env.push((variable.to_owned(), value.to_owned()));
            }
            "--limit" => self.limits.push(limit(&value)?),
            "--socket" => self.socket = path(name, value)?,
            "--lease" => self.lease = Some(seconds(name, &value)?),
            _ => self.wait = seconds(name, &value)?,
        }
        Ok(())
    }

    fn into_task(self, command: &str) -> Result<Task, String> {
        let id = SandboxId::parse(&self.id).map_err(|error| error.to_string())?;
        let workspace = Workspace {
            root: self.root,
            work_dir: self.work_dir,
            id,
            durability: self.durability,
            inherit_env: self.inherit_env,
            env: self.env,
            limits: self.limits,
        };
        Ok(match command {
            "serve" => Task::Serve(workspace),
            "init" => Task::Init(Init {
                workspace,
                socket: self.socket,
                lease: self.lease,
            }),
            _ => Task::Connect(Connect {
                socket: self.socket,
                wait: self.wait,
            }),
        })
    }
}

fn path(name: &str, value: String) -> Result<PathBuf, String> {
    if value.is_empty() {
        return Err(format!("{name} needs a path"));
    }
    Ok(PathBuf::from(OsString::from(value)))
}

fn limit(value: &str) -> Result<Limit, String> {
    let limit = value.split_once('=').and_then(|(name, most)| {
        let most = most.parse().ok()?;
        Some(Limit {
            resource: Resource::from_name(name)?,
            soft: most,
            hard: most,
        })
    });
    limit.ok_or_else(|| format!("--limit takes NAME=NUMBER, not '{value}'"))
}

fn seconds(name: &str, value: &str) -> Result<Duration, String> {
    value
        .parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("{name} takes seconds, not '{value}'"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;
    use std::time::Duration;

    use sandbox_local::Resource;

    use super::{Durability, Limit, Task, parse};

    fn task(line: &str) -> Result<Task, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_come_in_both_forms() {
        let line = "init --root=/w --id a --durability full --env A=b=c --inherit-env --env=B= --limit nofile=9 --socket /s --lease=1.5";
        let Ok(Task::Init(init)) = task(line) else {
            panic!("{line}");
        };
        assert_eq!(init.workspace.root, Path::new("/w"));
        let env: Vec<(String, String)> = vec![
            ("A".to_owned(), "b=c".to_owned()),
            ("B".to_owned(), String::new()),
        ];
        assert_eq!(init.workspace.env, env);
        assert!(init.workspace.inherit_env);
        let limit = Limit {
            resource: Resource::OpenFiles,
            soft: 9,
            hard: 9,
        };
        assert_eq!(init.workspace.limits, [limit]);
        assert_eq!(init.workspace.durability, Durability::Full);
        assert_eq!(init.lease, Some(Duration::from_millis(1500)));
        let Ok(Task::Connect(connect)) = task("connect") else {
            panic!("connect");
        };
        assert_eq!(connect.socket, Path::new("/dev/shm/agent-guest.sock"));
    }

    #[test]
    fn an_invalid_command_line_is_explained() {
        for (line, want) in [
            ("", "missing command"),
            ("run", "unknown command 'run'"),
            ("serve --socket /x", "serve has no option '--socket'"),
            ("serve x", "serve has no option 'x'"),
            ("init --lease", "--lease needs a value"),
            ("init --lease -1", "--lease takes seconds, not '-1'"),
            ("connect --wait NaN", "--wait takes seconds, not 'NaN'"),
            ("serve --env A", "--env takes NAME=VALUE"),
            ("serve --root=", "--root needs a path"),
            (
                "init --limit nofiles=1",
                "--limit takes NAME=NUMBER, not 'nofiles=1'",
            ),
            (
                "init --limit nofile",
                "--limit takes NAME=NUMBER, not 'nofile'",
            ),
            (
                "serve --durability fsync",
                "--durability takes relaxed, content or full",
            ),
        ] {
            assert_eq!(task(line).unwrap_err(), want);
        }
        assert!(
            task("serve --id ../x")
                .unwrap_err()
                .contains("invalid sandbox id")
        );
    }
}
