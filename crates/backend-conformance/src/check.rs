//! The rules that hold for every answer, whatever was asked. A [`Workspace`](crate::Workspace) applies them.

use backend_core::{
    Captured, Content, Entry, EntryKind, Error, ErrorKind, GlobRequest, GrepMatch, GrepOutput,
    GrepRequest, Grepped, LsRequest, OutputRequest, Page, PageEnd, ProcessOutput, ReadBytesRequest,
    ReadRequest, TextPage, Truncation, VirtualPath,
};

/// Messages are one line, in the words of the workspace: about a path that was asked for, never about the host's.
pub(crate) fn error(error: &Error, asked: &[&VirtualPath], host_paths: &[String]) {
    let message = error.to_string();
    assert!(!message.trim().is_empty(), "{error:?} has no message");
    let sentence = message.ends_with('.') && !message.ends_with("...");
    assert!(!sentence, "{message:?} ends with a full stop");
    if error.kind() != ErrorKind::InvalidPattern {
        assert!(!message.contains('\n'), "{message:?} has several lines");
    }
    for text in [&message, &error.for_model()] {
        for host_path in host_paths {
            assert!(
                !text.contains(host_path.as_str()),
                "{text:?} names the host's path {host_path:?}"
            );
        }
    }
    if let Error::InvalidRequest { path: None, .. } = error {
        // A path within the words is not rewritten when a wrapper moves paths.
        assert!(
            !message.starts_with('/'),
            "{error:?} has its path in its words"
        );
    }
    if let Some(path) = error.path() {
        assert!(
            asked.contains(&path),
            "{error:?} is about a path that was not requested: {asked:?}"
        );
    }
}

/// The fields of an entry fit its kind.
pub(crate) fn entry(entry: &Entry) {
    match entry.kind {
        EntryKind::File => assert!(entry.version.is_some(), "{entry:?}: a file has a version"),
        _ => assert!(
            entry.version.is_none(),
            "{entry:?}: only a file has a version"
        ),
    }
    if entry.is_directory() {
        assert_eq!(entry.size, 0, "{entry:?}: a directory has no size");
    }
    if entry.kind != EntryKind::Symlink {
        assert_eq!(entry.target, None, "{entry:?}: only a link has a target");
    }
}

/// A listing has the children of its directory, in order, within the limit.
pub(crate) fn listing(request: &LsRequest, page: &Page<Entry>) {
    for item in page {
        entry(item);
        assert_eq!(
            item.path.parent().as_ref(),
            Some(&request.path),
            "{item:?} is in the directory that was requested"
        );
    }
    for pair in page.items.windows(2) {
        assert!(
            pair[0].listing_order(&pair[1]).is_lt(),
            "{} before {} is not the order of a listing",
            pair[0].path,
            pair[1].path
        );
    }
    bounded(page.items.len(), request.limit, page.truncated);
}

/// A page of text is as long as it says, and says where to continue.
pub(crate) fn text_page(request: &ReadRequest, page: &TextPage) {
    assert_eq!(page.path, request.path);
    assert_eq!(page.first_line, request.offset + 1, "{page:?}");
    let lines = page.text.split_inclusive('\n').count() as u64;
    assert_eq!(page.lines, lines, "the lines of {page:?}");
    assert!(lines <= request.limit as u64, "{page:?}: at most the limit");
    assert!(!page.text.starts_with('\u{feff}'), "a page has no BOM");
    assert_eq!(
        page.next_offset.is_some(),
        page.ended_by.is_some(),
        "a page that ends early says why and where to continue: {page:?}"
    );
    if let Some(next) = page.next_offset {
        assert_eq!(next, request.offset + lines, "the next page follows");
        assert!(lines > 0, "a page with a next page has a line: {page:?}");
    }
    if let Some(total) = page.total_lines {
        match page.next_offset {
            Some(next) => assert!(next < total, "there is a next line: {page:?}"),
            None => assert_eq!(
                request.offset + lines,
                total,
                "the last page ends: {page:?}"
            ),
        }
    }
    if page.ended_by == Some(PageEnd::Lines) {
        assert_eq!(lines, request.limit as u64, "{page:?}");
    }
    for cut in &page.cut_lines {
        let within = page.first_line..page.first_line + lines;
        assert!(within.contains(&cut.line), "{cut:?} is on the page");
        assert!(cut.bytes > request.line_bytes as u64, "{cut:?} is long");
    }
}

/// Bytes are of the requested range.
pub(crate) fn content(request: &ReadBytesRequest, content: &Content) {
    let range = request
        .resolve(content.size)
        .expect("a range that was read is valid");
    assert_eq!(
        content.bytes.len() as u64,
        range.end - range.start,
        "{}: the length of the range",
        request.path
    );
}

/// The results of a glob are below its directory, in path order, of the requested kinds, within the limit.
pub(crate) fn globbed(request: &GlobRequest, page: &Page<Entry>) {
    for item in page {
        entry(item);
        assert!(
            item.path.starts_with(&request.path),
            "{} is below {}",
            item.path,
            request.path
        );
        assert!(
            request.directories || request.pattern.ends_with('/') || !item.is_directory(),
            "{item:?}: directories were not asked for"
        );
        excluded(&item.path, &request.exclude);
    }
    for pair in page.items.windows(2) {
        ordered(&pair[0].path, &pair[1].path);
    }
    bounded(page.items.len(), request.limit, page.truncated);
}

/// The results of a grep are in order, in the requested form, within the limits.
pub(crate) fn grepped(request: &GrepRequest, found: &Grepped) {
    for hit in &found.matches {
        matched(request, hit);
    }
    for pair in found.matches.windows(2) {
        let order = (&pair[0].path, pair[0].line).cmp(&(&pair[1].path, pair[1].line));
        assert!(order.is_le(), "{:?} before {:?}", pair[0], pair[1]);
    }
    for file in &found.files {
        assert!(file.path.starts_with(&request.path), "{file:?}");
        assert!(file.count >= 1, "{file:?} has a match");
        excluded(&file.path, &request.exclude);
    }
    for pair in found.files.windows(2) {
        ordered(&pair[0].path, &pair[1].path);
    }
    match request.output {
        GrepOutput::Matches => assert!(found.files.is_empty(), "{found:?}"),
        _ => assert!(found.matches.is_empty(), "{found:?}"),
    }
    bounded(
        found.matches.len() + found.files.len(),
        request.limit,
        found.truncated,
    );
}

fn matched(request: &GrepRequest, hit: &GrepMatch) {
    assert!(hit.path.starts_with(&request.path), "{hit:?}");
    assert!(hit.line >= 1 && hit.column >= 1, "{hit:?} counts from 1");
    assert!(!hit.text.ends_with('\n'), "{hit:?} has no ending");
    assert!(
        hit.before.len() <= request.before && hit.after.len() <= request.after,
        "{hit:?} has no more context than was asked for"
    );
    for line in &hit.before {
        assert!(line.line < hit.line, "{line:?} is before {hit:?}");
    }
    for line in &hit.after {
        assert!(line.line > hit.line, "{line:?} is after {hit:?}");
    }
    excluded(&hit.path, &request.exclude);
}

/// The kept part of a stream is all of it, or its first and last half.
pub(crate) fn captured(limit: usize, kept: &Captured) {
    let (head, tail) = (kept.head.len(), kept.tail.len());
    if kept.omitted == 0 {
        assert!(head <= limit, "{head} bytes are kept, at most {limit}");
        assert_eq!(tail, 0, "all of it is the head");
    } else {
        let halves = (limit - limit / 2, limit / 2);
        assert_eq!((head, tail), halves, "the halves of {limit} bytes");
    }
}

/// Output that is read from a process follows its cursor, within the limit.
pub(crate) fn process_output(request: &OutputRequest, output: &ProcessOutput) {
    let length: usize = output.chunks.iter().map(|chunk| chunk.bytes.len()).sum();
    assert!(
        length <= request.limit,
        "{length} bytes, at most {}",
        request.limit
    );
    let next = request.cursor + output.missed + length as u64;
    assert_eq!(
        output.next, next,
        "the cursor behind {length} bytes: {output:?}"
    );
    let empty = output.chunks.iter().any(|chunk| chunk.bytes.is_empty());
    assert!(!empty, "a piece has bytes: {output:?}");
}

fn excluded(path: &VirtualPath, exclude: &[VirtualPath]) {
    for excluded in exclude {
        assert!(!path.starts_with(excluded), "{path} was excluded");
    }
}

fn ordered(left: &VirtualPath, right: &VirtualPath) {
    assert!(left < right, "{left} before {right} is not path order");
}

fn bounded(length: usize, limit: usize, truncated: Option<Truncation>) {
    assert!(length <= limit, "{length} results, at most {limit}");
    if truncated == Some(Truncation::Limit) {
        assert_eq!(length, limit, "a page cut by its limit is full");
    }
}
