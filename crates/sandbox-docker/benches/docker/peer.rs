//! The peer: a program that does one operation per input line, and reports how long it took.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

pub(crate) struct Peer {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    versions: Value,
}

impl Peer {
    pub(crate) fn start(program: &str, script: &str) -> Self {
        let mut child = Command::new(program)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the peer does not start");
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut peer = Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
            versions: Value::Null,
        };
        peer.versions = peer.answer().get("versions").cloned().unwrap_or_default();
        peer
    }

    /// Runs one operation, and returns its duration by the peer's own clock, or the error.
    pub(crate) fn ask(&mut self, operation: &str) -> Result<Duration, String> {
        writeln!(self.stdin, "{operation}").unwrap();
        let answer = self.answer();
        answer
            .get("ns")
            .and_then(Value::as_u64)
            .map(Duration::from_nanos)
            .ok_or_else(|| answer.to_string())
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).expect("the peer's answer cannot be parsed")
    }

    /// Ends the peer, and returns its description.
    pub(crate) fn end(mut self) -> Value {
        drop(self.stdin);
        self.child.wait().unwrap();
        self.versions
    }
}
