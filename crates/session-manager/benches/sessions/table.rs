//! The results, as text and as JSON.

use std::fmt;

use serde_json::json;

/// The results.
pub(crate) struct Table {
    pub(crate) quick: bool,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    value: f64,
    unit: &'static str,
    goal: Option<f64>,
    note: String,
}

impl Table {
    pub(crate) fn new(quick: bool) -> Self {
        Self {
            quick,
            rows: Vec::new(),
        }
    }

    /// Adds a number. The goal is its maximum.
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        goal: Option<f64>,
        note: impl Into<String>,
    ) {
        self.rows.push(Row {
            name: name.into(),
            value,
            unit,
            goal,
            note: note.into(),
        });
    }

    pub(crate) fn json(&self) -> String {
        let row = |row: &Row| {
            json!({
                "name": row.name, "value": row.value, "unit": row.unit, "goal": row.goal, "note": row.note,
            })
        };
        let rows: Vec<_> = self.rows.iter().map(row).collect();
        let whole = json!({ "bench": "sessions", "quick": self.quick, "rows": rows });
        serde_json::to_string_pretty(&whole).unwrap()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quick {
            writeln!(
                f,
                "A quick run, of a build without optimisations: these numbers mean nothing."
            )?;
        }
        for row in &self.rows {
            let goal = match row.goal {
                Some(goal) if row.value <= goal => format!("goal {goal}: met"),
                Some(goal) => format!("goal {goal}: NOT met"),
                None => String::new(),
            };
            let Row {
                name,
                value,
                unit,
                note,
                ..
            } = row;
            writeln!(f, "{name:<58} {value:>10.2} {unit:<4} {goal:<18} {note}")?;
        }
        Ok(())
    }
}

/// Returns the median.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
