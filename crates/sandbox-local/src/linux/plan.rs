//! From a request to a plan: invalid requests are refused here, before anything is started.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::{Duration, Instant};

use super::tree::Limits;
use backend_core::{
    Command, Error, ExecRequest, Result, TerminalSize, VirtualPath, check_variable,
};

/// The default `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Everything about a command that is decided before it starts.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
    pub(super) env: BTreeMap<OsString, OsString>,
    pub(super) cwd: Option<VirtualPath>,
    pub(super) terminal: Option<TerminalSize>,
    pub(super) deadline: Option<Instant>,
    pub(super) ceiling: u64,
    pub(super) limits: Limits,
}

/// What the sandbox gives to every command.
#[derive(Debug)]
pub(super) struct Defaults {
    pub(super) shell: OsString,
    pub(super) env: BTreeMap<OsString, OsString>,
    limits: Limits,
    /// `None` is the directory where commands run by default.
    work_dir: Option<VirtualPath>,
}

impl Defaults {
    /// Creates them from the settings of the sandbox and the directory on the host that is its
    /// root.
    pub(super) fn new(
        shell: &Path,
        env: BTreeMap<OsString, OsString>,
        home: &Path,
        work_dir: &VirtualPath,
        limits: Limits,
    ) -> Self {
        let mut all = BTreeMap::from([
            ("HOME".into(), home.into()),
            ("LANG".into(), "C.UTF-8".into()),
            ("PATH".into(), DEFAULT_PATH.into()),
        ]);
        all.extend(env);
        Self {
            shell: shell.into(),
            env: all,
            limits,
            work_dir: (!work_dir.is_root()).then(|| work_dir.clone()),
        }
    }
}

impl Plan {
    /// Plans a request that was made at `called`.
    pub(super) fn new(request: &ExecRequest, defaults: &Defaults, called: Instant) -> Result<Self> {
        if request.user.is_some() {
            return Err(Error::unsupported(
                "running a command as another user without isolation",
            ));
        }
        let deadline = match request.timeout {
            Some(Duration::ZERO) => {
                return Err(Error::invalid_request(
                    "the timeout must be longer than zero",
                ));
            }
            // A timeout beyond the range of the clock is no timeout.
            Some(timeout) => called.checked_add(timeout),
            None => None,
        };
        let (program, arguments) = program_and_arguments(&request.command, &defaults.shell)?;
        let terminal = if request.terminal.is_some() {
            "xterm-256color"
        } else {
            "dumb"
        };
        let mut env = BTreeMap::from([("TERM".into(), terminal.into())]);
        env.extend(defaults.env.clone());
        for (name, value) in &request.env {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(Error::invalid_request(format!(
                    "invalid environment variable name '{}'",
                    name.escape_debug()
                )));
            }
            if value.contains('\0') {
                return Err(Error::invalid_request(format!(
                    "the value of environment variable '{}' contains a NUL byte",
                    name.escape_debug()
                )));
            }
            check_variable(name, value)?;
            env.insert(name.into(), value.into());
        }
        Ok(Self {
            program,
            arguments,
            env,
            cwd: request.cwd.clone().or_else(|| defaults.work_dir.clone()),
            terminal: request.terminal,
            deadline,
            ceiling: request.output_ceiling.unwrap_or(u64::MAX),
            limits: defaults.limits.clone(),
        })
    }
}

/// Returns the program and its arguments.
fn program_and_arguments(command: &Command, shell: &OsStr) -> Result<(OsString, Vec<OsString>)> {
    match command {
        Command::Shell(line) => {
            without_nul(line)?;
            // A line that starts with `-` or `+` would be an option of the shell.
            let sign = if line.starts_with(['-', '+']) {
                " "
            } else {
                ""
            };
            Ok((
                shell.to_owned(),
                vec!["-c".into(), format!("{sign}{line}").into()],
            ))
        }
        Command::Argv(argv) => {
            let Some((program, arguments)) = argv.split_first() else {
                return Err(Error::invalid_request("a command needs a program"));
            };
            for word in argv {
                without_nul(word)?;
            }
            Ok((program.into(), arguments.iter().map(Into::into).collect()))
        }
        _ => Err(Error::unsupported("a command of this form")),
    }
}

fn without_nul(word: &str) -> Result<()> {
    if word.contains('\0') {
        return Err(Error::invalid_request(
            "a command cannot contain a NUL byte",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsStr;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use backend_core::{ErrorKind, ExecRequest, TerminalSize, VirtualPath};

    use super::{Defaults, Limits, Plan};

    fn defaults() -> Defaults {
        let env = BTreeMap::from([("HOME".into(), "/x".into())]);
        Defaults::new(
            Path::new("/bin/sh"),
            env,
            Path::new("/home"),
            &VirtualPath::root(),
            Limits::default(),
        )
    }

    #[test]
    fn the_request_goes_before_the_sandbox_and_that_before_the_base() {
        let request = ExecRequest::shell("true").env("LANG", "de_DE");
        let plan = Plan::new(&request, &defaults(), Instant::now()).unwrap();
        let of = |name: &str| plan.env.get(OsStr::new(name)).unwrap().to_str().unwrap();
        assert_eq!(
            (of("HOME"), of("LANG"), of("TERM")),
            ("/x", "de_DE", "dumb")
        );
        let request = request.terminal(TerminalSize {
            rows: 1,
            columns: 1,
        });
        let plan = Plan::new(&request, &defaults(), Instant::now()).unwrap();
        assert_eq!(plan.env[OsStr::new("TERM")], "xterm-256color");
    }

    #[test]
    fn an_invalid_request_is_refused() {
        let argv = ExecRequest::argv(["x"]);
        for request in [
            ExecRequest::argv(Vec::<String>::new()),
            ExecRequest::argv(["a\0b"]),
            ExecRequest::shell("echo a\0b"),
            argv.clone().env("", "x"),
            argv.clone().env("a=b", "x"),
            argv.clone().env("a", "x\0"),
            argv.clone().env("a", "x".repeat(128 << 10)),
            argv.clone().timeout(Duration::ZERO),
        ] {
            let error = Plan::new(&request, &defaults(), Instant::now()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{request:?}");
        }
        let error = Plan::new(&argv.user("root"), &defaults(), Instant::now()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn a_timeout_beyond_the_clock_is_no_timeout() {
        let request = ExecRequest::shell("true").timeout(Duration::MAX);
        let plan = Plan::new(&request, &defaults(), Instant::now()).unwrap();
        assert_eq!(plan.deadline, None);
    }
}
