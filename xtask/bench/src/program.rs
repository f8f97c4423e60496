//! A peer that is a program: its output, its time and its memory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    dir: PathBuf,
}

impl Program {
    pub(crate) fn new(path: &Path, dir: &Path) -> Self {
        Self {
            path: path.to_owned(),
            dir: dir.to_owned(),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command
            .args(args)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Runs it to completion, and returns what it printed.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let output = self.command(args).output().expect("the peer does not run");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Returns the first line of its version output.
    pub(crate) fn version(&self) -> String {
        let text = self.run(&["--version"]);
        let line = text.lines().next().unwrap_or_default();
        line.split(' ').nth(1).unwrap_or(line).to_owned()
    }

    /// Returns its peak resident memory in bytes, sampled often while it runs.
    pub(crate) fn peak(&self, args: &[&str]) -> f64 {
        let mut command = self.command(args);
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0.0_f64;
        while child.try_wait().unwrap().is_none() {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
            peak = peak.max(kilobytes.unwrap_or(0.0) * 1024.0);
            std::thread::sleep(Duration::from_millis(1));
        }
        peak
    }
}
