//! The steps that run tests, and the parsing of their output.
//!
//! nextest runs them where it is installed, except the laws; plain `cargo test` runs all where it is not. `cargo test` runs
//! doctests either way.

use super::{Outcome, Run};
use crate::Result;
use crate::shell::Cmd;

/// How many random sequences of operations the model tests run, unless the environment sets another number.
const MODEL_SEQUENCES: &str = "2000";

/// The variable that enables tests that take long; without it they report that they are skipped.
const LONG: &str = "AGENT_BACKENDS_LONG";

/// The start of a conformance suite's line. Its tests `all_laws_are_counted` write such lines past the capture of
/// `cargo test`; for nextest, the profile `ci` in `.config/nextest.toml` shows them.
const LAW_LINE: &str = "conformance: ";

/// The common part of the names of laws: the module in which a crate lists them.
const LAWS: &str = "conformance::";

/// How many tests ran, unit, integration and doctests together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    ran: bool,
    passed: u64,
    skipped: u64,
}

impl Counts {
    /// Returns whether any test ran and passed.
    pub(super) fn any_passed(&self) -> bool {
        self.passed > 0
    }

    /// Returns the line for programs that count tests, or `None` if no step ran any.
    pub(super) fn summary(&self) -> Option<String> {
        let Self {
            passed, skipped, ..
        } = self;
        self.ran
            .then(|| format!("tests: {passed} passed, 0 failed, {skipped} skipped"))
    }

    pub(super) fn add(&mut self, other: Self) {
        self.ran = true;
        self.passed += other.passed;
        self.skipped += other.skipped;
    }

    pub(super) fn note(self) -> String {
        format!("{} passed, {} skipped", self.passed, self.skipped)
    }
}

/// All tests of all crates with all features.
pub(super) fn tests(run: &mut Run<'_>) -> Result<Outcome> {
    if !Cmd::cargo(&["nextest", "--version"]).succeeds() {
        let output = libtest(run.all, &[])?;
        let counts = read_libtest(&output);
        run.tests.add(counts);
        run.laws = law_lines(&output);
        let mut notes = vec![counts.note()];
        notes.push("by cargo test, as cargo-nextest is not installed".to_owned());
        notes.extend(what_was_left_out(run.all));
        return Ok(Outcome::Passed(notes));
    }
    // There are thousands of laws, and most take less time than starting a process for each.
    let laws_output = libtest(run.all, &["--", LAWS])?;
    let laws = read_libtest(&laws_output);
    let others = Cmd::cargo(&["nextest", "run", "--profile", "ci"])
        .args(&["--test-threads", &threads()])
        .args(&["--workspace", "--all-features"])
        .args(&["--filterset", &format!("not test({LAWS})")]);
    let others_output = as_asked(run.all, others).run_and_keep()?;
    let counts = together(laws, read_nextest(&others_output))?;
    run.tests.add(counts);
    run.laws = law_lines(&laws_output);
    run.laws.extend(law_lines(&others_output));
    let mut notes = vec![counts.note(), format!("{} of them laws", laws.passed)];
    notes.extend(what_was_left_out(run.all));
    Ok(Outcome::Passed(notes))
}

fn what_was_left_out(all: bool) -> Option<String> {
    let asked = all || std::env::var_os(LONG).is_some_and(|value| value == "1");
    (!asked).then(|| "without the long tests: --all runs them".to_owned())
}

/// Runs tests by `cargo test`: all of a crate in one process.
fn libtest(all: bool, filter: &[&str]) -> Result<String> {
    let command = Cmd::cargo(&["test", "--no-fail-fast", "--lib", "--bins", "--tests"])
        .args(&["--workspace", "--all-features"])
        .args(filter);
    as_asked(all, command)
        .env("RUST_TEST_THREADS", &threads())
        .run_and_keep()
}

/// How many tests run at once, unless the environment sets another number. Many wait most of the time, for an engine, for
/// a process, or for a timeout to pass.
fn threads() -> String {
    std::env::var("RUST_TEST_THREADS").unwrap_or_else(|_| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (2 * cores).to_string()
    })
}

/// Adds up two runs; the second one left out the tests of the first, and reports them as skipped.
fn together(first: Counts, second: Counts) -> Result<Counts> {
    let ran = first.passed + first.skipped;
    if second.skipped != ran {
        return Err(format!(
            "{ran} tests were run by cargo test, but cargo-nextest left out {}",
            second.skipped
        ));
    }
    Ok(Counts {
        passed: first.passed + second.passed,
        ..first
    })
}

/// The laws that each conformance suite ran, and those that it could not run on its backend: skipped laws show up here.
pub(super) fn law_counts(run: &mut Run<'_>) -> Result<Outcome> {
    if !run.tests.ran {
        return Ok(Outcome::Skipped("no step `test` in this run".to_owned()));
    }
    for line in &run.laws {
        println!("    {line}");
    }
    let suite = "backend-conformance";
    let users = run.workspace.packages.iter();
    let users = users
        .filter(|package| package.dependencies.iter().any(|d| d.name == suite))
        .count();
    if run.laws.len() < users {
        return Err(format!(
            "{users} crates run the conformance suite, but it reported only {} times how many laws it checked",
            run.laws.len()
        ));
    }
    Ok(Outcome::Passed(vec![format!("{} suites", run.laws.len())]))
}

/// The examples in the documentation.
pub(super) fn doctests(run: &mut Run<'_>) -> Result<Outcome> {
    let command = Cmd::cargo(&["test", "--doc", "--workspace", "--all-features"]);
    let counts = read_libtest(&command.run_and_keep()?);
    run.tests.add(counts);
    Ok(Outcome::Passed(vec![counts.note()]))
}

/// Sets how much the tests do.
fn as_asked(all: bool, command: Cmd) -> Cmd {
    let command = if all { command.env(LONG, "1") } else { command };
    match std::env::var_os("MODEL_SEQUENCES") {
        Some(_) => command,
        None => command.env("MODEL_SEQUENCES", MODEL_SEQUENCES),
    }
}

/// Reads `Summary [ 0.1s] 3 tests run: 3 passed, 0 skipped` of nextest.
fn read_nextest(output: &str) -> Counts {
    let line = output
        .lines()
        .rev()
        .find(|line| line.contains(" run: "))
        .unwrap_or_default();
    Counts {
        ran: true,
        passed: number_before(line, " passed").unwrap_or_default(),
        skipped: number_before(line, " skipped").unwrap_or_default(),
    }
}

/// Adds up all `test result: ok. 3 passed; 0 failed; 0 ignored; ...` of `cargo test`.
pub(super) fn read_libtest(output: &str) -> Counts {
    let mut counts = Counts {
        ran: true,
        ..Counts::default()
    };
    for line in output
        .lines()
        .filter(|line| line.starts_with("test result: "))
    {
        counts.passed += number_before(line, " passed").unwrap_or_default();
        counts.skipped += number_before(line, " ignored").unwrap_or_default();
    }
    counts
}

/// Returns the lines of the suites about their laws, such as `it::state: 120 laws checked, 3 skipped`. `cargo test` may
/// have begun the line with the name of the test.
fn law_lines(output: &str) -> Vec<String> {
    let said = output.lines().filter_map(|line| line.split_once(LAW_LINE));
    said.map(|(_, said)| said.to_owned())
        .filter(|said| number_before(said, " laws").is_some() && said.contains(" skipped"))
        .collect()
}

/// Returns the number right before `word`, ignoring terminal colours.
fn number_before(line: &str, word: &str) -> Option<u64> {
    let plain = without_colours(line);
    let (before, _) = plain.split_once(word)?;
    let start = before
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + 1);
    before.get(start..)?.parse().ok()
}

/// Removes `ESC [ ... m`.
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{Counts, law_lines, read_libtest, read_nextest, together};

    #[test]
    fn the_summary_of_nextest_is_read() {
        let output = "  PASS [ 0.1s] core a\n     Summary [   0.6s] 33 tests run: 33 passed (1 slow), 2 skipped\n";
        let want = Counts {
            ran: true,
            passed: 33,
            skipped: 2,
        };
        assert_eq!(read_nextest(output), want);
        let coloured = "Summary [ 0.6s] 33 tests run: \u{1b}[1m33\u{1b}[0m \u{1b}[32mpassed\u{1b}[0m, 2 skipped";
        assert_eq!(read_nextest(coloured), want);
    }

    #[test]
    fn the_results_of_cargo_test_are_added_up() {
        let output = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\n\
                      test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured\n";
        let mut counts = Counts::default();
        assert_eq!(counts.summary(), None);
        counts.add(read_libtest(output));
        assert_eq!(
            counts.summary().unwrap(),
            "tests: 7 passed, 0 failed, 1 skipped"
        );
    }

    #[test]
    fn no_test_is_lost_between_two_runs() {
        let counts = |passed, skipped| Counts {
            ran: true,
            passed,
            skipped,
        };
        assert_eq!(together(counts(6, 1), counts(3, 7)).unwrap(), counts(9, 1));
        assert!(together(counts(6, 1), counts(3, 8)).is_err());
        assert!(together(counts(6, 1), counts(3, 6)).is_err());
    }

    #[test]
    fn law_counts_are_found() {
        let output = "conformance: it::state: 120 laws checked, 3 skipped; F7\nlaws of physics: 3 laws, 1 skipped\n\
                      conformance: F7: skipped, it needs links\n\
                      test it::fs::all_laws_are_counted ... conformance: it::fs: 123 laws checked, 0 skipped\n";
        let want = [
            "it::state: 120 laws checked, 3 skipped; F7",
            "it::fs: 123 laws checked, 0 skipped",
        ];
        assert_eq!(law_lines(output), want);
    }
}
