//! One measurement, on both sides, with its goal.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// Returns how many nanoseconds one evaluation of an expression takes, averaged over this many.
macro_rules! nanos {
    ($times:expr, $body:expr) => {{
        let times: usize = $times;
        let started = std::time::Instant::now();
        for _ in 0..times {
            std::hint::black_box($body);
        }
        started.elapsed().as_secs_f64() * 1e9 / times as f64
    }};
}

/// The goal of a row. Times are nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// At most this fraction of the peer's.
    Ratio(f64),
    /// At most this much more than the peer's.
    Extra(f64),
    /// At most this, whatever the peer's is.
    Most(f64),
    /// At most this fraction of the peer's, plus one hop to another thread, which is measured too.
    RatioAndHop(f64),
    /// At least this many bytes per second, in transfers of this many bytes.
    Rate { bytes: f64, least: f64 },
    /// The peer takes at least this many times as long.
    Times(f64),
    /// None: the row is only for comparison.
    None,
}

/// One operation, on both sides. `unit` is what a number counts: nanoseconds, or bytes of memory.
#[derive(Debug)]
pub(crate) struct Row {
    name: String,
    peer: String,
    goal: Goal,
    unit: Unit,
    ours: Vec<f64>,
    theirs: Vec<f64>,
    hops: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Time,
    Memory,
}

impl Row {
    pub(crate) fn new(name: impl Into<String>, peer: impl Into<String>, goal: Goal) -> Self {
        Self {
            name: name.into(),
            peer: peer.into(),
            goal,
            unit: Unit::Time,
            ours: Vec::new(),
            theirs: Vec::new(),
            hops: Vec::new(),
        }
    }

    /// Makes the row count bytes of memory.
    pub(crate) fn of_memory(mut self) -> Self {
        self.unit = Unit::Memory;
        self
    }

    pub(crate) fn ours(&mut self, value: f64) {
        self.ours.push(value);
    }

    pub(crate) fn theirs(&mut self, value: f64) {
        self.theirs.push(value);
    }

    pub(crate) fn hop(&mut self, value: f64) {
        self.hops.push(value);
    }

    /// Returns how the row compares with its goal, as a text and as a judgement.
    fn verdict(&self) -> (String, Option<bool>) {
        let (Some(ours), theirs) = (quantile(&self.ours, 0.5), quantile(&self.theirs, 0.5)) else {
            return ("-".to_owned(), None);
        };
        let beside = |judge: &dyn Fn(f64) -> (String, Option<bool>)| {
            theirs.map_or_else(|| ("-".to_owned(), None), judge)
        };
        match self.goal {
            Goal::Ratio(goal) => beside(&|theirs| {
                let ratio = ours / theirs;
                (part(ratio), Some(ratio <= goal))
            }),
            Goal::RatioAndHop(goal) => beside(&|theirs| {
                let hop = quantile(&self.hops, 0.5).unwrap_or_default();
                let text = format!("{}, one hop is {}", part(ours / theirs), time(hop));
                (text, Some(ours <= goal * theirs + hop))
            }),
            Goal::Extra(goal) => beside(&|theirs| {
                let extra = ours - theirs;
                let sign = if extra < 0.0 { "-" } else { "+" };
                (format!("{sign}{}", time(extra.abs())), Some(extra <= goal))
            }),
            Goal::Most(goal) => (self.show(ours), Some(ours <= goal)),
            Goal::Rate { bytes, least } => {
                let rate = bytes * 1e9 / ours;
                (format!("{:.2} GB/s", rate / 1e9), Some(rate >= least))
            }
            Goal::Times(goal) => beside(&|theirs| {
                let times = theirs / ours;
                (format!("{times:.2} times"), Some(times >= goal))
            }),
            Goal::None => beside(&|theirs| (part(ours / theirs), None)),
        }
    }

    fn goal(&self) -> String {
        match self.goal {
            Goal::Ratio(goal) => format!("<= {}", part(goal)),
            Goal::RatioAndHop(goal) => format!("<= {} and a hop", part(goal)),
            Goal::Extra(goal) => format!("<= +{}", time(goal)),
            Goal::Most(goal) => format!("<= {}", self.show(goal)),
            Goal::Rate { least, .. } => format!(">= {:.0} GB/s", least / 1e9),
            Goal::Times(goal) => format!(">= {goal:.1} times"),
            Goal::None => "-".to_owned(),
        }
    }

    fn show(&self, value: f64) -> String {
        match self.unit {
            Unit::Time => time(value),
            Unit::Memory => format!("{:.1} MB", value / 1e6),
        }
    }

    fn spread(&self, values: &[f64]) -> String {
        let at = |at| quantile(values, at).map(|value| self.show(value));
        match (at(0.5), at(0.1), at(0.9)) {
            (Some(median), Some(low), Some(high)) => format!("{median} ({low} - {high})"),
            _ => "-".to_owned(),
        }
    }

    /// Formats the row as one line.
    pub(crate) fn line(&self) -> String {
        let (verdict, met) = self.verdict();
        let mut line = format!(
            "{:44} {:>34} {:>34}  {verdict}",
            self.name,
            self.spread(&self.ours),
            self.spread(&self.theirs),
        );
        if let Some(met) = met {
            let word = if met { "met" } else { "MISSED" };
            let _ = write!(line, "  ({}: {word})", self.goal());
        }
        line
    }

    /// Returns the row as JSON, with numbers for programs and texts for people.
    pub(crate) fn json(&self) -> Value {
        let (verdict, met) = self.verdict();
        let unit = match self.unit {
            Unit::Time => "ns",
            Unit::Memory => "bytes",
        };
        let side = |values: &[f64]| {
            json!({
                "count": values.len(),
                "p10": quantile(values, 0.1),
                "p50": quantile(values, 0.5),
                "p90": quantile(values, 0.9),
                "text": self.spread(values),
            })
        };
        json!({
            "operation": self.name,
            "beside": self.peer,
            "unit": unit,
            "here": side(&self.ours),
            "peer": side(&self.theirs),
            "hop": quantile(&self.hops, 0.5),
            "verdict": verdict,
            "goal": self.goal(),
            "met": met,
        })
    }
}

/// Returns a quantile.
fn quantile(values: &[f64], at: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let index = (last as f64 * at).round() as usize;
    sorted.get(index).copied()
}

/// Formats nanoseconds for people.
fn time(nanos: f64) -> String {
    match nanos {
        nanos if nanos < 1e3 => format!("{nanos:.0} ns"),
        nanos if nanos < 1e6 => format!("{:.2} µs", nanos / 1e3),
        nanos if nanos < 1e9 => format!("{:.2} ms", nanos / 1e6),
        nanos => format!("{:.2} s", nanos / 1e9),
    }
}

/// Formats a fraction: small ones with as many digits as are meaningful.
fn part(ratio: f64) -> String {
    if ratio < 0.1 {
        format!("{ratio:.4}")
    } else {
        format!("{ratio:.2}")
    }
}
