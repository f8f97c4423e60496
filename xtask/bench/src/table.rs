//! The measurements, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::json;

use crate::machine;
use crate::options::Options;
use crate::row::Row;

pub(crate) struct Table {
    name: String,
    quick: bool,
    rows: Vec<Row>,
    versions: BTreeMap<String, String>,
    notes: Vec<String>,
}

impl Table {
    pub(crate) fn new(options: &Options) -> Self {
        let missing = options.missing.iter();
        Self {
            name: options.name.clone(),
            quick: options.quick,
            rows: Vec::new(),
            versions: BTreeMap::new(),
            notes: missing.map(|peer| format!("missing: {peer}")).collect(),
        }
    }

    /// Adds a row, and prints it immediately.
    pub(crate) fn add(&mut self, row: Row) {
        println!("{}", row.line());
        self.rows.push(row);
    }

    pub(crate) fn version(&mut self, of: &str, version: impl Into<String>) {
        self.versions.insert(of.to_owned(), version.into());
    }

    pub(crate) fn json(&self) -> String {
        let rows: Vec<_> = self.rows.iter().map(Row::json).collect();
        let table = json!({
            "bench": self.name,
            "quick": self.quick,
            "machine": machine::describe(),
            "versions": self.versions,
            "notes": self.notes,
            "rows": rows,
        });
        format!("{table:#}\n")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; {:?}", machine::describe(), self.versions)?;
        writeln!(f, "median (p10 - p90), here and the peer's")?;
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        if self.quick {
            writeln!(
                f,
                "a quick run only shows that it works; its numbers are meaningless"
            )?;
        }
        for row in &self.rows {
            writeln!(f, "{}", row.line())?;
        }
        Ok(())
    }
}
