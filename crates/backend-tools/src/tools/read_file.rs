//! `read_file`: lines of a text file, or an image.

use backend_core::{Error, ErrorKind, ReadBytesRequest, ReadRequest, VirtualPath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{LinePrefix, PageOutcome, remember, render, shorten};
use super::structured;
use crate::context::{Context, ToolResult};
use crate::image;
use crate::settings::Settings;
use crate::{Image, Reply};

/// How many bytes of one line are shown, regardless of the budget.
pub(super) const LINE_BYTES: usize = 2000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The file: absolute, or relative to the work directory.
    path: String,
    /// Number of lines to skip. Default 0. To start at line N, pass N - 1.
    #[schemars(range(min = 0))]
    offset: Option<u64>,
    /// Maximum number of lines to return. Default 2000.
    #[schemars(range(min = 1, max = 10_000))]
    limit: Option<usize>,
    /// Start each line with its number and a hash of its content, as `12:4fk2|`, for hashline_edit. Default false.
    hashes: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The file.
    path: String,
    /// Its size in bytes.
    size: u64,
    /// Its version, which differs after any change.
    version: String,
    /// The lines of a text file.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<PageOutcome>,
    /// The media type of an image, which is returned next to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
}

pub(super) fn describe(settings: &Settings) -> String {
    let images = if settings.image_bytes > 0 {
        format!(
            " A PNG, JPEG, GIF or WebP image of up to {} bytes is returned as an image.",
            settings.image_bytes
        )
    } else {
        String::new()
    };
    format!(
        "Reads a text file. Each line is returned as its right-aligned number, counted from 1, a tab, and its text; the \
         numbers are not part of the file. Returns up to 2000 lines and {} bytes, and {LINE_BYTES} bytes of one line; if \
         there is more, the last line gives the offset to continue from. Text is UTF-8, or UTF-16 with a byte order \
         mark.{images}",
        settings.reply_bytes
    )
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> ToolResult {
    let path = context.path(&arguments.path)?;
    let budget = context.settings.reply_bytes;
    let prefix = match arguments.hashes {
        Some(true) => LinePrefix::Hashes,
        _ => LinePrefix::Numbers,
    };
    let mut request = ReadRequest::new(&path)
        .line_bytes(LINE_BYTES.min(budget / 2))
        .page_bytes(budget)
        .offset(arguments.offset.unwrap_or_default());
    if let Some(limit) = arguments.limit {
        request = request.limit(limit);
    }
    let read = context.with_timeout("reading the file", context.files.read_with(&request));
    let mut page = match read.await {
        Ok(page) => page,
        Err(error) if is_image(&error) => return show(context, &path, error).await,
        Err(error) => return Err(error.into()),
    };
    shorten(&mut page, prefix, budget);
    remember(context, &page);
    let outcome = Outcome {
        path: path.to_string(),
        size: page.size,
        version: page.version.to_string(),
        text: Some(PageOutcome::of(&page)),
        image: None,
    };
    Ok(Reply::ok(render(&page, prefix), structured(&outcome)))
}

fn is_image(error: &Error) -> bool {
    matches!(error, Error::NotText { media_type, .. } if media_type.starts_with("image/"))
}

/// Returns a file that is not text as an image, if it can be shown as one.
async fn show(context: &Context, path: &VirtualPath, not_text: Error) -> ToolResult {
    let most = context.settings.image_bytes;
    if most == 0 {
        return Err(not_text.into());
    }
    let request = ReadBytesRequest::new(path).limit(most);
    let read = context.with_timeout("reading the image", context.files.read_bytes_with(&request));
    let content = match read.await {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::TooLarge => {
            let text = format!("{error}\nIt is an image. Make a smaller copy to view it.");
            return Err(Reply::of_error_with_text(&error, text).into());
        }
        Err(error) => return Err(error.into()),
    };
    let Some(media_type) = image::media_type(&content.bytes) else {
        return Err(not_text.into());
    };
    context.ledger().record_partial(path, content.version);
    let outcome = Outcome {
        path: path.to_string(),
        size: content.size,
        version: content.version.to_string(),
        text: None,
        image: Some(media_type.to_owned()),
    };
    let text = format!("{path}: {media_type}, {} bytes", content.size);
    let mut reply = Reply::ok(text, structured(&outcome));
    reply.images.push(Image::new(media_type, content.bytes));
    Ok(reply)
}
