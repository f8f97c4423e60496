//! The table at the end of a run: each step, its result and time, and what was skipped and why.

use std::time::{Duration, Instant};

use super::Outcome;
use super::test_run::Counts;
use crate::Result;

/// The steps that have run.
#[derive(Debug)]
pub(super) struct Report {
    started: Instant,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: &'static str,
    elapsed: Duration,
    outcome: Result<Outcome>,
}

impl Report {
    pub(super) fn start() -> Self {
        Self {
            started: Instant::now(),
            rows: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, name: &'static str, elapsed: Duration, outcome: Result<Outcome>) {
        self.rows.push(Row {
            name,
            elapsed,
            outcome,
        });
    }

    /// Prints the table. The last line is for programs that count tests: `tests: N passed, N failed`.
    pub(super) fn finish(&self, tests: &Counts) -> Result<()> {
        print!("\n{}", self.table());
        let elapsed = seconds(self.started.elapsed());
        if let Some(row) = self.rows.iter().find(|row| row.outcome.is_err()) {
            return Err(format!("ci failed at {} after {elapsed}", row.name));
        }
        let skipped = self
            .rows
            .iter()
            .filter(|row| matches!(row.outcome, Ok(Outcome::Skipped(_))))
            .count();
        println!(
            "\nci passed: {} steps in {elapsed}, {skipped} of them skipped",
            self.rows.len()
        );
        if let Some(line) = tests.summary() {
            println!("{line}");
        }
        Ok(())
    }

    fn table(&self) -> String {
        let width = self
            .rows
            .iter()
            .map(|row| row.name.len())
            .max()
            .unwrap_or_default();
        let mut table = String::new();
        for row in &self.rows {
            let (result, notes) = match &row.outcome {
                Ok(Outcome::Passed(notes)) => ("passed", notes.as_slice()),
                Ok(Outcome::Skipped(reason)) => ("skipped", std::slice::from_ref(reason)),
                Err(message) => ("FAILED", std::slice::from_ref(message)),
            };
            let time = seconds(row.elapsed);
            let line = format!(
                "{:width$}  {result:7}  {time:>8}  {}",
                row.name,
                notes.join("; ")
            );
            table.push_str(line.trim_end());
            table.push('\n');
        }
        table
    }
}

/// Formats a duration in seconds with one digit.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Counts, Outcome, Report};

    #[test]
    fn the_table_shows_each_step_and_each_skip() {
        let mut report = Report::start();
        report.add("fmt", Duration::from_millis(1234), Ok(Outcome::passed()));
        let reason = "cargo-deny is not installed".to_owned();
        report.add("deny", Duration::ZERO, Ok(Outcome::Skipped(reason)));
        let notes = vec!["3 run".to_owned(), "1 skipped".to_owned()];
        report.add(
            "examples",
            Duration::from_secs(2),
            Ok(Outcome::Passed(notes)),
        );
        let want = "fmt       passed      1.2 s\n\
                    deny      skipped     0.0 s  cargo-deny is not installed\n\
                    examples  passed      2.0 s  3 run; 1 skipped\n";
        assert_eq!(report.table(), want);
        assert_eq!(report.finish(&Counts::default()), Ok(()));
    }

    #[test]
    fn a_failed_step_fails_the_run_and_is_named() {
        let mut report = Report::start();
        report.add(
            "doc",
            Duration::ZERO,
            Err("`cargo doc` ended with 101".to_owned()),
        );
        assert!(report.table().contains("FAILED"));
        let error = report.finish(&Counts::default()).unwrap_err();
        assert!(error.starts_with("ci failed at doc after "), "{error}");
    }
}
