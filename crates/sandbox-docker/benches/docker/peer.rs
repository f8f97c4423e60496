//! The other side: a program that does one operation for each line that it is sent, and says how long that took.

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

    /// Has one operation done, and returns how long it took by the peer's own clock, or what went wrong.
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
        serde_json::from_str(&line).expect("the peer said nothing that can be read")
    }

    /// Ends the peer, and returns what it is.
    pub(crate) fn end(mut self) -> Value {
        drop(self.stdin);
        self.child.wait().unwrap();
        self.versions
    }
}
