//! The results, as text and as JSON.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

/// One operation, on both sides.
pub(crate) struct Row {
    name: &'static str,
    /// The allowed fraction of the peer's time.
    goal: f64,
    ours: Vec<Duration>,
    theirs: Vec<Duration>,
}

impl Row {
    pub(crate) fn new(name: &'static str, goal: f64) -> Self {
        Self {
            name,
            goal,
            ours: Vec::new(),
            theirs: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, ours: Duration, theirs: Option<Duration>) {
        self.ours.push(ours);
        self.theirs.extend(theirs);
    }

    /// Returns our median as a fraction of the peer's.
    fn ratio(&self) -> Option<f64> {
        let theirs = quantile(&self.theirs, 0.5)?;
        Some(quantile(&self.ours, 0.5)? / theirs)
    }
}

/// Returns a quantile in milliseconds.
fn quantile(times: &[Duration], at: f64) -> Option<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().checked_sub(1)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an index below a length of some hundreds"
    )]
    let index = (last as f64 * at).round() as usize;
    sorted.get(index).map(|time| time.as_secs_f64() * 1e3)
}

fn spread(times: &[Duration]) -> String {
    let at = |at| quantile(times, at);
    match (at(0.5), at(0.1), at(0.9)) {
        (Some(median), Some(low), Some(high)) => format!("{median:8.2} ({low:.2} - {high:.2})"),
        _ => "-".to_owned(),
    }
}

/// Formats a ratio for people.
fn part(ratio: f64) -> String {
    if ratio < 1.0 {
        format!("1/{:.0}", 1.0 / ratio)
    } else {
        format!("{ratio:.2}x")
    }
}

pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    pub(crate) peer: Option<Value>,
    pub(crate) quick: bool,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = self
            .peer
            .as_ref()
            .map_or_else(|| "none".to_owned(), Value::to_string);
        writeln!(f, "milliseconds, median (p10 - p90); peer: {peer}")?;
        if self.quick {
            writeln!(
                f,
                "a quick run shows that it runs; its numbers mean nothing"
            )?;
        }
        let (ours, theirs) = ("here", "peer");
        writeln!(
            f,
            "{:20} {ours:>28} {theirs:>28} {:>8} {:>8}",
            "", "ratio", "goal"
        )?;
        for row in &self.rows {
            let ratio = row.ratio();
            let met = match ratio {
                Some(ratio) if ratio <= row.goal => "  met",
                Some(_) => "  missed",
                None => "",
            };
            writeln!(
                f,
                "{:20} {:>28} {:>28} {:>8} {:>8}{met}",
                row.name,
                spread(&row.ours),
                spread(&row.theirs),
                ratio.map_or_else(|| "-".to_owned(), part),
                part(row.goal),
            )?;
        }
        Ok(())
    }
}

impl Table {
    pub(crate) fn json(&self) -> String {
        let side = |times: &[Duration]| {
            json!({
                "count": times.len(),
                "p10_ms": quantile(times, 0.1),
                "p50_ms": quantile(times, 0.5),
                "p90_ms": quantile(times, 0.9),
                "p99_ms": quantile(times, 0.99),
                "text": format!("{} ms", spread(times).trim()),
            })
        };
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                let ratio = row.ratio();
                json!({
                    "operation": row.name,
                    "beside": "the original",
                    "here": side(&row.ours),
                    "peer": side(&row.theirs),
                    "ratio": ratio,
                    "verdict": ratio.map(part),
                    "goal": format!("<= {}", part(row.goal)),
                    "met": ratio.map(|ratio| ratio <= row.goal),
                })
            })
            .collect();
        let table =
            json!({ "bench": "docker", "quick": self.quick, "peer": self.peer, "rows": rows });
        format!("{table:#}\n")
    }
}
