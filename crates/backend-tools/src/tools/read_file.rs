//! `read_file`: lines of a text file, or an image.

use backend_core::{Error, ErrorKind, ReadBytesRequest, ReadRequest, VirtualPath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{Marks, PageOutcome, remember, render, shorten};
use super::structured;
use crate::context::{Context, Done};
use crate::image;
use crate::settings::Settings;
use crate::{Image, Reply};

/// How many bytes of one line are shown, whatever the budget.
pub(super) const LINE_BYTES: usize = 2000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The file: absolute, or relative to the work directory.
    path: String,
    /// How many lines to pass over first; 0 unless given. To start at line N, pass N - 1.
    #[schemars(range(min = 0))]
    offset: Option<u64>,
    /// How many lines to return at most; 2000 unless given.
    #[schemars(range(min = 1, max = 10_000))]
    limit: Option<usize>,
    /// Whether each line starts with its number and a hash of what it holds, as `12:4fk2|`, for hashline_edit; false
    /// unless given.
    hashes: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outcome {
    /// The file.
    path: String,
    /// How many bytes it has.
    size: u64,
    /// A mark of its state, which is another one after any change.
    version: String,
    /// The lines of a text file.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<PageOutcome>,
    /// The media type of an image, which is beside this.
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
        "Reads a text file. Each line is returned as its number, counted from 1, right-aligned, then a tab, then its text; \
         the numbers are no part of the file. Up to 2000 lines and {} bytes are returned at once, and {LINE_BYTES} bytes of \
         one line; the last line then says at which offset to go on. UTF-8 and UTF-16 with a byte order mark are text.{images}",
        settings.reply_bytes
    )
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> Done {
    let path = context.path(&arguments.path)?;
    let budget = context.settings.reply_bytes;
    let marks = match arguments.hashes {
        Some(true) => Marks::Hashes,
        _ => Marks::Numbers,
    };
    let mut request = ReadRequest::new(&path)
        .line_bytes(LINE_BYTES.min(budget / 2))
        .page_bytes(budget)
        .offset(arguments.offset.unwrap_or_default());
    if let Some(limit) = arguments.limit {
        request = request.limit(limit);
    }
    let read = context.look("reading the file", context.files.read_with(&request));
    let mut page = match read.await {
        Ok(page) => page,
        Err(error) if is_image(&error) => return show(context, &path, error).await,
        Err(error) => return Err(error.into()),
    };
    shorten(&mut page, marks, budget);
    remember(context, &page);
    let outcome = Outcome {
        path: path.to_string(),
        size: page.size,
        version: page.version.to_string(),
        text: Some(PageOutcome::of(&page)),
        image: None,
    };
    Ok(Reply::ok(render(&page, marks), structured(&outcome)))
}

fn is_image(error: &Error) -> bool {
    matches!(error, Error::NotText { media_type, .. } if media_type.starts_with("image/"))
}

/// Returns a file that is not text as an image, if it is one that can be shown.
async fn show(context: &Context, path: &VirtualPath, not_text: Error) -> Done {
    let most = context.settings.image_bytes;
    if most == 0 {
        return Err(not_text.into());
    }
    let request = ReadBytesRequest::new(path).limit(most);
    let read = context.look("reading the image", context.files.read_bytes_with(&request));
    let content = match read.await {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::TooLarge => {
            let text = format!("{error}\nIt is an image. Make a smaller one of it to look at it.");
            return Err(Reply::worded(&error, text).into());
        }
        Err(error) => return Err(error.into()),
    };
    let Some(media_type) = image::media_type(&content.bytes) else {
        return Err(not_text.into());
    };
    context.ledger().saw_part(path, content.version);
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
