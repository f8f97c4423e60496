//! `cat`: the content of a file, as text or byte for byte.

use std::ops::Range;

use backend_core::{ReadBytesRequest, ReadRequest, TextPage, VirtualPath};
use clap::Args;
use serde_json::{Value, json};

use crate::command::Results;
use crate::context::Context;
use crate::failure::Result;
use crate::out::Out;
use crate::parse::Lines;
use crate::workspace::{Need, Workspace};
use crate::{json, parse};

mod printer;
mod stream;

use printer::{Printer, Style};

/// Print files: their text, a range of lines, or their bytes
///
/// Text is UTF-8, or UTF-16 with a byte order mark, and is printed as UTF-8; anything else is refused with exit code 8
/// unless --bytes is given. On a terminal, control characters in a text are escaped.
///
/// With --json each result is one page: at most 2000 lines of at most 4096 bytes, 256 KiB in all. `next_offset` is
/// present if the file continues; the line after that offset is the first of the next page.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  agent-backends cat src/main.rs --lines 10:40 --number
  agent-backends cat --bytes logo.png > logo.png
  agent-backends cat --hashes src/main.rs")]
pub(crate) struct Cat {
    /// The files
    #[arg(required = true)]
    paths: Vec<String>,

    /// Only these lines, counted from 1: 10:20, 10:, :20 or 10
    #[arg(long, short, value_name = "A:B", value_parser = parse::lines, conflicts_with = "bytes")]
    lines: Option<Lines>,

    /// Print the number before each line
    #[arg(long, short, conflicts_with = "bytes")]
    number: bool,

    /// Print the number and a hash of its content before each line, as `edit --edits` takes them
    #[arg(long, conflicts_with_all = ["bytes", "number"])]
    hashes: bool,

    /// Print the bytes unchanged
    #[arg(long, short)]
    bytes: bool,

    /// Only these bytes, counted from 0, end excluded
    #[arg(long, value_name = "A:B", value_parser = parse::byte_range, requires = "bytes")]
    range: Option<Range<u64>>,
}

impl Cat {
    pub(super) async fn run(self, context: &mut Context) -> Result<u8> {
        let (workspace, out) = context.open(Need::Read).await?;
        let mut results = Results::default();
        for path in &self.paths {
            match self.print(workspace, path, out).await {
                Ok(Some((path, outcome))) => results.done(path.as_str(), outcome),
                Ok(None) => {}
                Err(failure @ crate::failure::Failure::ClosedPipe) => return Err(failure),
                Err(failure) => results.failed(path, &failure, out),
            }
        }
        results.finish(out)
    }

    async fn print(
        &self,
        workspace: &Workspace,
        path: &str,
        out: &mut Out,
    ) -> Result<Option<(VirtualPath, Value)>> {
        let path = workspace.path(path)?;
        if out.is_json() {
            let outcome = if self.bytes {
                self.bytes_as_json(workspace, &path).await?
            } else {
                self.page_as_json(workspace, &path).await?
            };
            return Ok(Some((path, outcome)));
        }
        let backend = &**workspace.backend();
        if self.bytes {
            let range = self.range.clone().unwrap_or(0..u64::MAX);
            stream::bytes(backend, &path, range, out).await?;
        } else {
            let style = match (self.number, self.hashes) {
                (_, true) => Style::Hashed,
                (true, _) => Style::Numbered,
                _ => Style::Plain,
            };
            let lines = self.lines.unwrap_or(Lines {
                first: 1,
                last: None,
            });
            let mut printer = Printer::new(style, lines, out);
            stream::text(backend, &path, lines, &mut printer).await?;
            printer.finish()?;
        }
        Ok(None)
    }

    async fn page_as_json(&self, workspace: &Workspace, path: &VirtualPath) -> Result<Value> {
        let mut request = ReadRequest::new(path);
        if let Some(lines) = self.lines {
            request.offset = lines.first - 1;
            if let Some(last) = lines.last {
                let wanted = usize::try_from(last - request.offset).unwrap_or(usize::MAX);
                request.limit = request.limit.min(wanted);
            }
        }
        let page = workspace.backend().read_with(&request).await?;
        let rendered = self.hashes.then(|| page.render_hashed());
        let numbered = self.number.then(|| page.to_string());
        Ok(page_fields(&page, rendered.or(numbered)))
    }

    async fn bytes_as_json(&self, workspace: &Workspace, path: &VirtualPath) -> Result<Value> {
        let mut request = ReadBytesRequest::new(path);
        request.range = self.range.clone();
        let content = workspace.backend().read_bytes_with(&request).await?;
        let mut fields = json::content(&content.bytes);
        fields.insert("size".to_owned(), content.size.into());
        fields.insert("version".to_owned(), json!(content.version));
        Ok(fields.into())
    }
}

fn page_fields(page: &TextPage, rendered: Option<String>) -> Value {
    let mut fields = json!({
        "text": page.text,
        "first_line": page.first_line,
        "lines": page.lines,
        "total_lines": page.total_lines,
        "next_offset": page.next_offset,
        "ended_by": page.ended_by,
        "cut_lines": page.cut_lines,
        "encoding": page.encoding,
        "line_ending": page.line_ending,
        "size": page.size,
        "version": page.version,
    });
    if let (Some(fields), Some(rendered)) = (fields.as_object_mut(), rendered) {
        fields.insert("rendered".to_owned(), rendered.into());
    }
    fields
}
