//! `grep`: lines by their content.

use std::time::Duration;

use backend_core::{
    Case, DEFAULT_GREP_LIMIT, DEFAULT_GREP_LINE_BYTES, FileHits, GrepMatch, GrepOutput,
    GrepRequest, Grepped,
};
use clap::Args;
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::Result;
use crate::out::Out;
use crate::workspace::Need;
use crate::{exit, json, notes, parse};

/// Find lines that match a regular expression
///
/// The flags are those of ripgrep where both have the same feature. The syntax is that of Rust's regex crate, without
/// look-around; the time of a search is proportional to its input. Hidden files, binary files and files excluded by
/// .gitignore or .ignore are skipped. Exit code 1 means that nothing matches.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  agent-backends grep 'fn \\w+_test' -t rust
  agent-backends grep -F 'a.b(c)' src -C 2
  agent-backends grep -l TODO -g '*.py' -g '!vendor'
  agent-backends grep -ic error /logs --mount /logs=/var/log:ro --no-ignore")]
pub(crate) struct Grep {
    /// The regular expression; after `--` if it starts with a dash
    pattern: String,

    /// The directory or file to search [default: the work directory]
    #[arg(default_value = "", hide_default_value = true)]
    path: String,

    /// Treat the pattern as literal text
    #[arg(long, short = 'F')]
    fixed_strings: bool,

    /// Ignore case
    #[arg(long, short)]
    ignore_case: bool,

    /// Ignore case unless the pattern has an upper case letter
    #[arg(long, short = 'S', conflicts_with = "ignore_case")]
    smart_case: bool,

    /// Match whole words only
    #[arg(long, short)]
    word_regexp: bool,

    /// Let a match span several lines
    #[arg(long, short = 'U')]
    multiline: bool,

    /// Show N lines after each match
    #[arg(long, short = 'A', value_name = "N")]
    after_context: Option<usize>,

    /// Show N lines before each match
    #[arg(long, short = 'B', value_name = "N")]
    before_context: Option<usize>,

    /// Show N lines around each match
    #[arg(
        long,
        short = 'C',
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    context: usize,

    /// Only files that match this glob, or with a leading `!` only others (repeatable)
    #[arg(long, short, value_name = "GLOB", allow_hyphen_values = true)]
    glob: Vec<String>,

    /// Only files of this type, such as rust or py (repeatable)
    #[arg(long = "type", short = 't', value_name = "TYPE")]
    types: Vec<String>,

    /// Include hidden files
    #[arg(long, short = '.')]
    hidden: bool,

    /// Include ignored files
    #[arg(long, short = 'I')]
    no_ignore: bool,

    /// Print only the paths of files with a match
    #[arg(long, short = 'l', conflicts_with = "count")]
    files_with_matches: bool,

    /// Print only the number of matching lines per file
    #[arg(long, short)]
    count: bool,

    /// Omit line numbers
    #[arg(long, short = 'N')]
    no_line_number: bool,

    /// Print line numbers, which is the default
    #[arg(long, short = 'n', hide = true, conflicts_with = "no_line_number")]
    line_number: bool,

    /// Print the column of each match, in bytes counted from 1
    #[arg(long)]
    column: bool,

    /// Maximum number of matches to show per file
    #[arg(long, short, value_name = "N", value_parser = parse::count)]
    max_count: Option<usize>,

    /// Maximum number of matches, or files, to show
    #[arg(long, value_name = "N", default_value_t = DEFAULT_GREP_LIMIT, value_parser = parse::count)]
    limit: usize,

    /// Maximum number of bytes of a line to show, around the match
    #[arg(long, value_name = "N", default_value_t = DEFAULT_GREP_LINE_BYTES, value_parser = parse::memory)]
    max_columns: usize,

    /// Time limit of the search
    #[arg(long, value_name = "TIME", value_parser = parse::duration)]
    timeout: Option<Duration>,
}

impl Grep {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let (workspace, out) = context.open(Need::Read).await?;
        let mut request = GrepRequest::new(&self.pattern).path(workspace.path(&self.path)?);
        self.fill(&mut request);
        let found = workspace.backend().grep_with(&request).await?;
        let shown = found.matches.len() + found.files.len();
        let code = if shown == 0 { exit::NEGATIVE } else { exit::OK };
        if out.is_json() {
            out.json(&document(&found))?;
            return Ok(code);
        }
        self.show_matches(&found.matches, out)?;
        self.show_files(&found.files, out)?;
        notes::tell(out, shown, found.truncated, &found.skipped, &found.failures);
        Ok(code)
    }

    fn fill(&self, request: &mut GrepRequest) {
        request.fixed = self.fixed_strings;
        request.case = match (self.ignore_case, self.smart_case) {
            (true, _) => Case::Insensitive,
            (_, true) => Case::Smart,
            _ => Case::Sensitive,
        };
        request.word = self.word_regexp;
        request.multi_line = self.multiline;
        request.before = self.before_context.unwrap_or(self.context);
        request.after = self.after_context.unwrap_or(self.context);
        request.globs.clone_from(&self.glob);
        request.types.clone_from(&self.types);
        request.hidden = self.hidden;
        request.ignored = self.no_ignore;
        request.output = match (self.files_with_matches, self.count) {
            (true, _) => GrepOutput::Files,
            (_, true) => GrepOutput::Counts,
            _ => GrepOutput::Matches,
        };
        request.file_limit = self.max_count;
        request.limit = self.limit;
        request.line_bytes = self.max_columns;
        request.timeout = self.timeout;
    }

    fn show_matches(&self, matches: &[GrepMatch], out: &mut Out) -> Result<()> {
        let has_context = matches
            .iter()
            .any(|found| !found.before.is_empty() || !found.after.is_empty());
        let mut end: Option<(&str, u64)> = None;
        for found in matches {
            let path = found.path.as_str();
            let start = found.before.first().map_or(found.line, |line| line.line);
            if has_context && end.is_some_and(|end| end != (path, start)) {
                out.line("--")?;
            }
            for line in &found.before {
                self.show_line(path, line.line, None, '-', &line.text, out)?;
            }
            let mut next = found.line;
            for text in found.text.split('\n') {
                let column = (next == found.line).then_some(found.column);
                self.show_line(path, next, column, ':', text, out)?;
                next += 1;
            }
            for line in &found.after {
                self.show_line(path, line.line, None, '-', &line.text, out)?;
                next = line.line + 1;
            }
            end = Some((path, next));
        }
        Ok(())
    }

    fn show_line(
        &self,
        path: &str,
        line: u64,
        column: Option<u64>,
        mark: char,
        text: &str,
        out: &mut Out,
    ) -> Result<()> {
        let colors = out.colors();
        let (style, number) = (colors.path, colors.number);
        out.text(format_args!("{style}{path}{style:#}{mark}"))?;
        if !self.no_line_number {
            out.text(format_args!("{number}{line}{number:#}{mark}"))?;
        }
        if let Some(column) = column.filter(|_| self.column) {
            out.text(format_args!("{column}{mark}"))?;
        }
        let shown = out.shown(text);
        out.line(shown)
    }

    fn show_files(&self, files: &[FileHits], out: &mut Out) -> Result<()> {
        let style = out.colors().path;
        for file in files {
            let path = &file.path;
            out.text(format_args!("{style}{path}{style:#}"))?;
            if self.count {
                out.text(format_args!(":{}", file.count))?;
            }
            out.line("")?;
        }
        Ok(())
    }
}

fn document(found: &Grepped) -> Value {
    let mut document = json::page(found.truncated, &found.skipped, &found.failures);
    document.insert("matches".to_owned(), json!(found.matches));
    document.insert("files".to_owned(), json!(found.files));
    document.insert("searched".to_owned(), found.searched.into());
    document.into()
}
