//! Running other programs: shown before they start, with an error that names them if they fail.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::Result;

/// A program with its arguments, and the text that is shown for it.
#[derive(Debug)]
pub(crate) struct Cmd {
    command: Command,
    shown: String,
}

impl Cmd {
    /// Makes a command that reads nothing from the terminal.
    pub(crate) fn new(program: &str) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self {
            command,
            shown: program.to_owned(),
        }
    }

    /// Makes a cargo command.
    pub(crate) fn cargo(args: &[&str]) -> Self {
        Self::new("cargo").args(args)
    }

    pub(crate) fn arg(mut self, arg: &str) -> Self {
        self.command.arg(arg);
        self.shown.push(' ');
        if arg.is_empty() || arg.contains(char::is_whitespace) {
            self.shown.push_str(&format!("'{arg}'"));
        } else {
            self.shown.push_str(arg);
        }
        self
    }

    pub(crate) fn args(self, args: &[&str]) -> Self {
        args.iter().fold(self, |command, arg| command.arg(arg))
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self.shown = format!("{name}='{value}' {}", self.shown);
        self
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Runs the command with our standard streams.
    pub(crate) fn run(mut self) -> Result<()> {
        println!("$ {}", self.shown);
        let status = self.command.status().map_err(|e| self.cannot_start(&e))?;
        self.judge(status.success(), &status.to_string())
    }

    /// Runs the command, shows its output line by line, and returns it too, both streams mixed.
    pub(crate) fn run_and_keep(mut self) -> Result<String> {
        println!("$ {}", self.shown);
        let mut child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| self.cannot_start(&e))?;
        let stderr = child
            .stderr
            .take()
            .map(|stream| thread::spawn(move || copy_lines(stream, &mut std::io::stderr())));
        let mut kept = match child.stdout.take() {
            Some(stream) => copy_lines(stream, &mut std::io::stdout()),
            None => String::new(),
        };
        if let Some(Ok(text)) = stderr.map(thread::JoinHandle::join) {
            kept.push_str(&text);
        }
        let status = child.wait().map_err(|e| self.cannot_start(&e))?;
        self.judge(status.success(), &status.to_string())?;
        Ok(kept)
    }

    /// Runs the command without showing anything, and returns what it printed to stdout.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self.command.output().map_err(|e| self.cannot_start(&e))?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(format!(
                "`{}` ended with {}:\n{}",
                self.shown,
                output.status,
                stderr.trim_end()
            ));
        }
        String::from_utf8(output.stdout)
            .map_err(|_| format!("`{}` printed invalid UTF-8", self.shown))
    }

    /// Returns whether the command runs and succeeds, without showing anything.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command
            .output()
            .is_ok_and(|output| output.status.success())
    }

    fn judge(&self, success: bool, status: &str) -> Result<()> {
        if success {
            Ok(())
        } else {
            Err(format!("`{}` ended with {status}", self.shown))
        }
    }

    fn cannot_start(&self, error: &std::io::Error) -> String {
        format!("cannot run `{}`: {error}", self.shown)
    }
}

/// Copies a stream line by line, so that two of them mix by whole lines, and returns it as text.
fn copy_lines(stream: impl Read, to: &mut impl Write) -> String {
    let mut reader = BufReader::new(stream);
    let (mut kept, mut line) = (String::new(), Vec::new());
    while matches!(reader.read_until(b'\n', &mut line), Ok(count) if count > 0) {
        // Our output may be closed by now; the command still runs to completion.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        kept.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{Cmd, copy_lines};

    #[test]
    fn lines_are_copied_and_kept_without_a_last_newline_too() {
        let mut shown = Vec::new();
        let kept = copy_lines(&b"one\ntwo"[..], &mut shown);
        assert_eq!(
            (kept.as_str(), shown.as_slice()),
            ("one\ntwo", &b"one\ntwo"[..])
        );
    }

    #[test]
    fn a_missing_command_is_named() {
        let error = Cmd::new("no-such-program-here")
            .arg("a b")
            .output()
            .unwrap_err();
        assert!(
            error.starts_with("cannot run `no-such-program-here 'a b'`"),
            "{error}"
        );
    }
}
