//! How the tour prints: headings, tables and diffs, in color on a terminal. The library does not need any of it.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is its purpose"
)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::io::{IsTerminal, stdout};
use std::time::{Duration, Instant};

use backend_core::{Entry, EntryKind, Error, Grepped, Page, Result, Skipped, TextPage};

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const CYAN: &str = "36";

pub(crate) struct Show {
    color: bool,
}

impl Show {
    pub(crate) fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            color: wanted && stdout().is_terminal(),
        }
    }

    fn paint(&self, style: &str, text: &str) -> String {
        if self.color {
            format!("\u{1b}[{style}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn title(&self, text: &str) {
        println!("{}\n", self.paint(BOLD, text));
    }

    pub(crate) fn step(&self, name: &str, what: &str) {
        println!(
            "\n{} {}",
            self.paint(CYAN, &format!("{name:>9}")),
            self.paint(BOLD, what)
        );
    }

    pub(crate) fn note(&self, text: &str) {
        println!("          {text}");
    }

    fn dim(&self, text: &str) {
        println!("          {}", self.paint(DIM, text));
    }

    pub(crate) async fn timed<T>(&self, operation: impl Future<Output = Result<T>>) -> Result<T> {
        let start = Instant::now();
        let outcome = operation.await?;
        self.dim(&format!("took {}", duration(start.elapsed())));
        Ok(outcome)
    }

    pub(crate) fn entries(&self, page: &Page<Entry>) {
        for entry in page {
            let name = entry.path.name().unwrap_or("/");
            match entry.kind {
                EntryKind::Directory => self.note(&format!("{:>10}  {name}/", "dir")),
                EntryKind::Symlink => self.note(&format!("{:>10}  {name}", "link")),
                _ => self.note(&format!("{:>10}  {name}", bytes(entry.size))),
            }
        }
        if page.truncated.is_some() {
            self.dim("           … and more");
        }
    }

    pub(crate) fn endings(&self, page: &Page<Entry>) {
        let mut endings = BTreeMap::<&str, (u64, u64)>::new();
        for entry in page {
            let name = entry.path.name().unwrap_or_default();
            let ending = name.rsplit_once('.').map_or("(none)", |(_, ending)| ending);
            let (files, size) = endings.entry(ending).or_default();
            *files += 1;
            *size += entry.size;
        }
        let mut rows: Vec<_> = endings.into_iter().collect();
        rows.sort_by_key(|(_, (files, _))| std::cmp::Reverse(*files));
        for (ending, (files, size)) in rows.into_iter().take(6) {
            self.note(&format!(
                "{:>10}  {files:>6} files  {:>10}",
                ending,
                bytes(size)
            ));
        }
        self.dim(&format!(
            "{} files in all{}",
            page.items.len(),
            skipped(&page.skipped)
        ));
    }

    pub(crate) fn totals(&self, found: &Grepped) {
        let lines: u64 = found.files.iter().map(|file| file.count).sum();
        self.note(&format!(
            "{lines} lines in {} files, of {} searched",
            found.files.len(),
            found.searched
        ));
        let skipped = skipped(&found.skipped);
        if !skipped.is_empty() {
            self.dim(skipped.trim_start_matches("; "));
        }
    }

    pub(crate) fn matches(&self, found: &Grepped) {
        for hit in &found.matches {
            let place = self.paint(GREEN, &format!("{}:{}", hit.path, hit.line));
            println!("          {place}  {}", cut(hit.text.trim(), 60));
        }
    }

    pub(crate) fn page(&self, page: &TextPage) {
        for line in page.to_string().lines() {
            println!("    {}", cut(line, 110));
        }
    }

    pub(crate) fn diff(&self, diff: &str) {
        for line in diff.lines() {
            let style = match line.as_bytes().first() {
                Some(b'+') => GREEN,
                Some(b'-') => RED,
                _ => DIM,
            };
            println!("          {}", self.paint(style, &cut(line, 110)));
        }
    }

    /// Shows a refusal as a model would see it. Anything else would be a bug, and ends the tour.
    pub(crate) fn refused<T: Debug>(&self, outcome: Result<T>) {
        match outcome {
            Ok(done) => {
                eprintln!("this should have been refused: {done:?}");
                std::process::exit(1);
            }
            Err(error) => {
                self.note(&self.paint(RED, &format!("refused: {}", error.kind())));
                for line in error.for_model().lines() {
                    self.note(line);
                }
            }
        }
    }

    pub(crate) fn failure(&self, error: &Error) {
        eprintln!("{}: {}", error.kind(), error.for_model());
    }

    pub(crate) fn end(&self) {
        println!("\nThat is all of it: `backend_core::BackendExt` has each of these calls.");
    }
}

fn skipped(skipped: &Skipped) -> String {
    let counts = [
        (skipped.hidden, "hidden"),
        (skipped.ignored, "ignored"),
        (skipped.binary, "binary"),
        (skipped.symlinks, "links"),
        (skipped.unreadable, "unreadable"),
    ];
    let shown: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if shown.is_empty() {
        String::new()
    } else {
        format!("; skipped: {}", shown.join(", "))
    }
}

/// Returns as much of a text as fits, without terminal control characters, and marks it if there is more.
fn cut(text: &str, width: usize) -> String {
    let shown = |c: char| {
        if c.is_control() && c != '\t' {
            '\u{fffd}'
        } else {
            c
        }
    };
    let mut rest = text.chars();
    let mut line: String = rest.by_ref().take(width).map(shown).collect();
    if rest.next().is_some() {
        line.push('…');
    }
    line
}

fn bytes(size: u64) -> String {
    match size {
        0..1_000 => format!("{size} B"),
        1_000..1_000_000 => format!("{:.1} kB", size as f64 / 1e3),
        _ => format!("{:.1} MB", size as f64 / 1e6),
    }
}

fn duration(time: Duration) -> String {
    if time < Duration::from_millis(1) {
        format!("{} µs", time.as_micros())
    } else {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    }
}
