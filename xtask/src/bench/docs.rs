//! The tables of `docs/performance.md`, from the last measurements.
//!
//! A table is between two lines, `<!-- measured: NAME -->` and `<!-- end -->`. The text around them is written by hand.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::Result;
use crate::workspace::Workspace;

const START: &str = "<!-- measured: ";
const END: &str = "<!-- end -->";

/// Writes the measurements into the document.
pub(super) fn update(workspace: &Workspace) -> Result<()> {
    let path = workspace.root.join("docs/performance.md");
    let show = |e: std::io::Error| format!("{}: {e}", path.display());
    let text = fs::read_to_string(&path).map_err(show)?;
    let measured = |name: &str| {
        let path = workspace.target.join(format!("bench/{name}.json"));
        let json = serde_json::from_slice::<Value>(&fs::read(path).ok()?).ok()?;
        (json.get("quick") == Some(&Value::Bool(false))).then_some(json)
    };
    let updated = replace(&text, measured)?;
    fs::write(&path, updated).map_err(show)?;
    println!("updated {}", path.display());
    Ok(())
}

/// Replaces the tables that have new numbers.
fn replace(text: &str, measured: impl Fn(&str) -> Option<Value>) -> Result<String> {
    let mut updated = String::with_capacity(text.len());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        updated.push_str(line);
        updated.push('\n');
        let Some(name) = line
            .strip_prefix(START)
            .and_then(|rest| rest.strip_suffix(" -->"))
        else {
            continue;
        };
        let old: Vec<&str> = lines.by_ref().take_while(|line| *line != END).collect();
        match measured(name) {
            Some(json) => updated.push_str(&table(&json)?),
            None => old.iter().for_each(|line| {
                updated.push_str(line);
                updated.push('\n');
            }),
        }
        updated.push_str(END);
        updated.push('\n');
    }
    Ok(updated)
}

fn table(json: &Value) -> Result<String> {
    let text = |value: &Value, key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut table = String::new();
    let machine = text(json, "machine");
    let versions: Vec<String> = json
        .get("versions")
        .or_else(|| json.get("peer"))
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or_default()))
        .collect();
    let on: Vec<String> = [machine]
        .into_iter()
        .chain(versions)
        .filter(|s| !s.is_empty())
        .collect();
    let _ = writeln!(table, "\n{}.\n", on.join("; "));
    table.push_str(
        "| what | against | here | the peer | measured | goal | |\n|---|---|---|---|---|---|---|\n",
    );
    let rows = json
        .get("rows")
        .and_then(Value::as_array)
        .ok_or("no rows were measured")?;
    for row in rows {
        let side = |key: &str| row.get(key).map(side).unwrap_or_default();
        let met = match row.get("met").and_then(Value::as_bool) {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "",
        };
        let cells = [
            text(row, "operation"),
            text(row, "beside"),
            side("here"),
            side("peer"),
            text(row, "verdict"),
            text(row, "goal"),
            met.to_owned(),
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(table, "| {} |", cells.join(" | "));
    }
    table.push('\n');
    Ok(table)
}

fn side(side: &Value) -> String {
    side.get("text")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::replace;
    use serde_json::json;

    const TEXT: &str = "# P\n<!-- measured: files -->\nold\n<!-- end -->\nafter\n";

    #[test]
    fn a_table_is_replaced_and_its_surroundings_stay() {
        let files = json!({
            "machine": "a machine",
            "versions": { "ripgrep": "13" },
            "rows": [{
                "operation": "a|b", "beside": "rg", "verdict": "0.50", "goal": "<= 0.90", "met": true,
                "here": { "text": "1 ms" }, "peer": { "text": "2 ms" },
            }],
        });
        let updated = replace(TEXT, |name| (name == "files").then(|| files.clone())).unwrap();
        assert!(updated.starts_with("# P\n<!-- measured: files -->\n\na machine; ripgrep 13.\n"));
        assert!(updated.contains("| a\\|b | rg | 1 ms | 2 ms | 0.50 | <= 0.90 | met |\n"));
        assert!(updated.ends_with("<!-- end -->\nafter\n") && !updated.contains("old"));
        assert_eq!(replace(&updated, |_| Some(files.clone())).unwrap(), updated);
    }

    #[test]
    fn a_table_without_measurements_stays() {
        assert_eq!(replace(TEXT, |_| None).unwrap(), TEXT);
    }
}
