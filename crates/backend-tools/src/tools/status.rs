//! The status of a command or process, in words and for a program.

use backend_core::ExecStatus;
use schemars::JsonSchema;
use serde::Serialize;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ended {
    Running,
    Exited,
    Signaled,
    TimedOut,
    OutOfMemory,
    OutputCeiling,
    Lost,
}

/// How a command ended, with the number that belongs to it.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(super) struct Status {
    /// How it ended: only exited with code 0 is success; lost means unknown.
    status: Ended,
    /// Its exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// The signal that killed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
}

impl Status {
    pub(super) fn of(status: Option<ExecStatus>) -> Self {
        let (status, exit_code, signal) = match status {
            None => (Ended::Running, None, None),
            Some(ExecStatus::Exited(code)) => (Ended::Exited, Some(code), None),
            Some(ExecStatus::Signaled(signal)) => (Ended::Signaled, None, Some(signal)),
            Some(ExecStatus::TimedOut) => (Ended::TimedOut, None, None),
            Some(ExecStatus::OutOfMemory) => (Ended::OutOfMemory, None, None),
            Some(ExecStatus::OutputCeiling) => (Ended::OutputCeiling, None, None),
            Some(_) => (Ended::Lost, None, None),
        };
        Self {
            status,
            exit_code,
            signal,
        }
    }

    /// Describes it in a few words.
    pub(super) fn words(&self) -> String {
        match (self.status, self.exit_code, self.signal) {
            (Ended::Running, ..) => "running".to_owned(),
            (Ended::Exited, code, _) => format!("exit code {}", code.unwrap_or_default()),
            (Ended::Signaled, _, signal) => {
                format!("killed by signal {}", signal.unwrap_or_default())
            }
            (Ended::TimedOut, ..) => {
                "timed out, and was killed with all its descendants".to_owned()
            }
            (Ended::OutOfMemory, ..) => "killed for using too much memory".to_owned(),
            (Ended::OutputCeiling, ..) => "killed for printing too much".to_owned(),
            (Ended::Lost, ..) => "outcome unknown: do not assume that it succeeded".to_owned(),
        }
    }
}
