//! The registry of laws, and the tables in `docs/contract.md` that are generated from it.
//!
//! `UPDATE_CONTRACT=1 cargo test -p backend-conformance` regenerates the tables.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use backend_conformance::{Area, areas, law};

const BEGIN: &str = "<!-- laws: begin -->\n";
const END: &str = "<!-- laws: end -->\n";

fn table(area: &Area) -> String {
    let mut table = format!(
        "\n### {}\n\n| law | what holds | test |\n|---|---|---|\n",
        area.title
    );
    for law in area.laws {
        let needs: Vec<String> = law
            .needs
            .iter()
            .map(|need| format!("*Needs {need}.*"))
            .collect();
        let statement = [vec![law.statement.to_owned()], needs].concat().join(" ");
        let statement = statement.replace('|', "\\|");
        writeln!(
            table,
            "| {} | {statement} | `{}::{}` |",
            law.id, area.name, law.name
        )
        .unwrap();
    }
    table
}

fn tables() -> String {
    let count: usize = areas().iter().map(|area| area.laws.len()).sum();
    let mut all = format!("\n{count} laws in {} areas.\n", areas().len());
    all.extend(areas().iter().map(table));
    all.push('\n');
    all
}

#[test]
fn the_contract_lists_the_laws_that_are_checked() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/contract.md");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("skipped: a published crate has no docs/contract.md next to it");
        return;
    };
    let (before, rest) = text.split_once(BEGIN).expect("a line where the laws begin");
    let (_, after) = rest.split_once(END).expect("a line where the laws end");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", tables());
    if std::env::var_os("UPDATE_CONTRACT").is_some() {
        std::fs::write(&file, &wanted).unwrap();
    } else if text != wanted {
        panic!(
            "docs/contract.md does not match the registry; run this test with UPDATE_CONTRACT=1"
        );
    }
}

#[test]
fn every_law_has_a_number_of_its_own() {
    let mut letters = BTreeSet::new();
    for area in areas() {
        let letter = area.laws[0].id.trim_end_matches(char::is_numeric);
        assert!(letters.insert(letter), "{letter} is taken: {}", area.name);
        for (index, one) in area.laws.iter().enumerate() {
            assert_eq!(one.id, format!("{letter}{}", index + 1), "{one:?}");
            assert_eq!(law(one.id).unwrap().name, one.name);
        }
    }
    assert!(law("P0").is_none());
}

#[test]
fn every_law_has_a_name_and_a_sentence_of_its_own() {
    let mut names = BTreeSet::new();
    let mut statements = BTreeSet::new();
    for one in areas().iter().flat_map(|area| area.laws) {
        assert!(names.insert(one.name), "{} is taken", one.name);
        assert!(statements.insert(one.statement), "{}", one.statement);
        assert!(one.statement.ends_with('.'), "{one:?}: {}", one.statement);
        assert!(!one.statement.contains('\n'), "{one:?}");
    }
    assert!(names.len() >= 150, "{} laws", names.len());
}
