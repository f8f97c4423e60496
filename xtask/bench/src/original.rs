//! The Python original: a process that does one operation for each line of input, and reports how long it took.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::options::Options;
use crate::table::Table;

#[derive(Debug)]
pub(crate) struct Original {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Original {
    /// Starts it, if it is installed, and records its version.
    pub(crate) fn start(options: &Options, table: &mut Table) -> Option<Self> {
        let mut child = Command::new(options.original.as_ref()?)
            .arg(&options.script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the original does not start");
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut original = Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
        };
        let versions = original.read();
        for (name, version) in versions["versions"].as_object().expect("no versions") {
            table.version(name, version.as_str().unwrap_or_default());
        }
        Some(original)
    }

    /// Runs one operation this many times, and returns how many nanoseconds one took by its own clock, and the answer.
    pub(crate) fn ask(&mut self, times: usize, operation: &str, args: Value) -> (f64, Value) {
        let request = json!({ "operation": operation, "args": args, "times": times });
        writeln!(self.stdin, "{request}").unwrap();
        let mut answer = self.read();
        let nanos = answer["ns"].as_f64();
        let nanos = nanos.unwrap_or_else(|| panic!("{operation}: {answer}"));
        (nanos, answer["answer"].take())
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).expect("the original answered with invalid JSON")
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
