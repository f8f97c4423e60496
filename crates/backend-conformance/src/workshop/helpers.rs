//! The vocabulary of the laws about commands.

use std::time::Duration;

use backend_core::{
    Captured, ErrorKind, ExecOutput, ExecRequest, ExecStatus, OutputRequest, OutputStream,
    ProcessId, StdinRequest,
};
use bytes::Bytes;

use super::Workshop;
use crate::workspace::refused;

/// A timeout that passes only if the awaited event never comes.
pub(crate) const LONG: Duration = Duration::from_secs(100);

/// Quotes a text as one shell word.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Returns what was printed, which must be complete and UTF-8.
#[track_caller]
pub(crate) fn text_of(captured: &Captured) -> String {
    assert_eq!(captured.omitted, 0, "{captured:?}");
    String::from_utf8(bytes_of(captured).to_vec()).expect("the output is UTF-8")
}

/// Returns what was kept.
pub(crate) fn bytes_of(captured: &Captured) -> Bytes {
    [&captured.head[..], &captured.tail[..]].concat().into()
}

impl Workshop {
    /// Makes a request for a line of shell in the directory of the law.
    pub(crate) fn line(&self, line: impl Into<String>) -> ExecRequest {
        self.there(ExecRequest::shell(line))
    }

    /// Makes a request for a program and its arguments in the directory of the law.
    pub(crate) fn words<W: Into<String>>(&self, words: impl IntoIterator<Item = W>) -> ExecRequest {
        self.there(ExecRequest::argv(words))
    }

    fn there(&self, request: ExecRequest) -> ExecRequest {
        match &self.directory {
            Some(directory) => request.cwd(directory),
            None => request,
        }
    }

    /// Runs a request that must not be refused.
    pub(crate) async fn run(&self, request: &ExecRequest) -> ExecOutput {
        match self.execute(request).await {
            Ok(output) => output,
            Err(error) => panic!("{:?}: {error}", request.command),
        }
    }

    /// Runs a line of shell.
    pub(crate) async fn sh(&self, line: &str) -> ExecOutput {
        self.run(&self.line(line)).await
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub(crate) async fn printed(&self, request: &ExecRequest) -> String {
        let output = self.run(request).await;
        assert_eq!(
            output.status,
            ExecStatus::Exited(0),
            "{:?}: {output:?}",
            request.command
        );
        text_of(&output.stdout)
    }

    /// Runs a line that must succeed, and returns what it printed.
    pub(crate) async fn says(&self, line: &str) -> String {
        self.printed(&self.line(line)).await
    }

    /// Puts bytes into a file next to the commands, wherever the backend's files are.
    pub(crate) async fn give(&self, name: &str, bytes: impl Into<Bytes>) {
        let line = format!("cat > {}", quoted(name));
        self.printed(&self.line(line).stdin(bytes)).await;
    }

    /// Checks that both `execute` and `spawn` refuse a request with this kind.
    pub(crate) async fn refuses(&self, request: &ExecRequest, kind: ErrorKind) {
        refused(self.execute(request).await, kind);
        if self.sandbox().capabilities().processes {
            refused(self.spawn(request).await, kind);
        }
    }

    /// Spawns a request that must not be refused.
    pub(crate) async fn start(&self, request: &ExecRequest) -> ProcessId {
        match self.spawn(request).await {
            Ok(process) => process.id,
            Err(error) => panic!("{:?}: {error}", request.command),
        }
    }

    /// Reads to the end, and returns the output of each stream and how the process ended.
    pub(crate) async fn read_all(&self, process: &ProcessId) -> (Bytes, Bytes, ExecStatus) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut request = OutputRequest::new(process.clone()).wait(LONG);
        loop {
            let output = self.read_output(&request).await.unwrap();
            for chunk in output.chunks {
                match chunk.stream {
                    OutputStream::Stderr => err.extend(chunk.bytes),
                    _ => out.extend(chunk.bytes),
                }
            }
            request.cursor = output.next;
            if let Some(status) = output.status {
                return (out.into(), err.into(), status);
            }
        }
    }

    /// Waits until a process has printed a text, and returns the cursor to continue from.
    pub(crate) async fn read_until(&self, process: &ProcessId, from: u64, text: &str) -> u64 {
        let mut request = OutputRequest::new(process.clone()).cursor(from).wait(LONG);
        let mut seen = Vec::new();
        loop {
            let output = self.read_output(&request).await.unwrap();
            for chunk in &output.chunks {
                seen.extend_from_slice(&chunk.bytes);
            }
            request.cursor = output.next;
            let shown = String::from_utf8_lossy(&seen);
            if shown.contains(text) {
                return output.next;
            }
            assert_eq!(output.status, None, "it ended without {text:?}: {shown:?}");
        }
    }

    /// Writes to the input of a process.
    pub(crate) async fn type_in(&self, process: &ProcessId, bytes: impl Into<Bytes>) {
        let request = StdinRequest::write(process.clone(), bytes);
        self.write_stdin(&request).await.unwrap();
    }
}
