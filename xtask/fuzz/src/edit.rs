//! Edits: all or none, nothing else is touched, the encoding stays, and the diff shows the change.

use arbitrary::{Result, Unstructured};
use backend_core::text::{Applied, apply_edits, line_hash};
use backend_core::{Edits, ErrorKind, LineAnchor, LineEdit, Replacement, VirtualPath};

use crate::{patch, window, words};

/// Words for needles and their replacements: short, so that they match, overlap and cross lines.
const NEEDLES: &[&str] = &[
    "a",
    "a",
    "b",
    "ab",
    "aa",
    "\n",
    "\n",
    " ",
    "\t",
    "é",
    "\u{1f600}",
    "A",
    "}",
    "0",
];

struct Input {
    /// The text of the file.
    text: String,
    /// How it is encoded; see [`window::encode`].
    encoding: u8,
    edits: Edits,
}

/// Takes a file and edits of one of the two forms; one time in eight the file is arbitrary bytes.
pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(input) = input(&mut u) else {
        return;
    };
    let path = VirtualPath::parse("/f").expect("a path");
    if u.ratio(1, 8).unwrap_or_default() {
        drop(apply_edits(&path, u.take_rest(), &input.edits));
        return;
    }
    let content = window::encode(&input.text, input.encoding);
    let outcome = apply_edits(&path, &content, &input.edits);
    match &outcome {
        Ok(applied) => check_applied(&input, &content, applied),
        Err(error) => assert!(
            matches!(
                error.kind(),
                ErrorKind::InvalidRequest
                    | ErrorKind::NoMatch
                    | ErrorKind::AmbiguousMatch
                    | ErrorKind::Conflict
            ),
            "{error:?}"
        ),
    }
    // A text that begins with the mark of an encoding is read as another text.
    if !input.text.starts_with('\u{feff}') {
        check_against_oracle(&input, outcome.as_ref());
    }
}

fn input(u: &mut Unstructured<'_>) -> Result<Input> {
    let mut text = words::text(u, words::CONTENT, 40)?;
    if u.arbitrary()? {
        text = text.replace('\r', "");
    }
    let encoding = u.int_in_range(0..=3)?;
    let count = u.int_in_range(0..=4_u8)?;
    let edits = if u.arbitrary()? {
        Edits::Exact((0..count).map(|_| replacement(u)).collect::<Result<_>>()?)
    } else {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        Edits::Lines(
            (0..count)
                .map(|_| line_edit(u, &lines))
                .collect::<Result<_>>()?,
        )
    };
    Ok(Input {
        text,
        encoding,
        edits,
    })
}

fn replacement(u: &mut Unstructured<'_>) -> Result<Replacement> {
    let words = if u.ratio(1, 8)? {
        words::CONTENT
    } else {
        NEEDLES
    };
    let (old, new) = (words::text(u, words, 4)?, words::text(u, words, 4)?);
    Ok(if u.arbitrary()? {
        Replacement::all(old, new)
    } else {
        Replacement::new(old, new)
    })
}

fn line_edit(u: &mut Unstructured<'_>, lines: &[&str]) -> Result<LineEdit> {
    let first = u.int_in_range(0..=lines.len())?;
    let last = (first + u.int_in_range(0..=2)?).min(lines.len());
    let text = words::text(u, words::CONTENT, 6)?;
    let (first, last) = (anchor(u, lines, first)?, anchor(u, lines, last)?);
    Ok(match u.int_in_range(0..=3_u8)? {
        0 => LineEdit::Replace { first, last, text },
        1 => LineEdit::Delete { first, last },
        2 => LineEdit::InsertBefore { line: first, text },
        _ => LineEdit::InsertAfter { line: last, text },
    })
}

/// Names a line correctly, but occasionally a missing line, or one by the hash of another.
fn anchor(u: &mut Unstructured<'_>, lines: &[&str], index: usize) -> Result<LineAnchor> {
    let line = lines
        .get(index)
        .map(|line| line.strip_suffix('\n').unwrap_or(line))
        .unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    let hash = if u.ratio(1, 16)? {
        line_hash("another")
    } else {
        line_hash(line)
    };
    Ok(LineAnchor::new(index as u64 + 1, hash))
}

/// The properties of every edit that succeeded.
fn check_applied(input: &Input, content: &[u8], applied: &Applied) {
    let marks: [&[u8]; 4] = [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    let mark = marks[usize::from(input.encoding)];
    assert!(applied.bytes.starts_with(mark), "the mark stays");
    assert!(applied.replacements > 0);
    if input.text.starts_with('\u{feff}') {
        return;
    }
    let new = decode(&applied.bytes[mark.len()..], input.encoding);
    if applied.diff_cut {
        return;
    }
    assert_eq!(
        patch::apply(&input.text, &applied.diff).as_ref(),
        Ok(&new),
        "{:?} in {:?} has the diff:\n{:?}",
        input.edits,
        input.text,
        applied.diff
    );
    if new == input.text {
        assert_eq!(applied.bytes, content, "the same text is the same bytes");
    }
}

fn decode(bytes: &[u8], encoding: u8) -> String {
    let units = |from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .map(|unit| from([unit[0], unit[1]]))
            .collect();
        assert_eq!(bytes.len() % 2, 0, "whole units");
        String::from_utf16(&units).expect("the encoding stays")
    };
    match encoding {
        0 | 1 => String::from_utf8(bytes.to_vec()).expect("the encoding stays"),
        2 => units(u16::from_le_bytes),
        _ => units(u16::from_be_bytes),
    }
}

/// Repeats exact edits in the simplest way, in texts without carriage returns.
fn check_against_oracle(
    input: &Input,
    outcome: backend_core::Result<&Applied, &backend_core::Error>,
) {
    let Edits::Exact(replacements) = &input.edits else {
        return;
    };
    let empty = replacements.is_empty()
        || replacements
            .iter()
            .any(|r| r.old.is_empty() || r.old == r.new);
    let returns = replacements
        .iter()
        .any(|r| r.old.contains('\r') || r.new.contains('\r'));
    if input.text.contains('\r') || returns {
        return;
    }
    let want = if empty {
        Err(ErrorKind::InvalidRequest)
    } else {
        replace(&input.text, replacements)
    };
    let marks = [0, 3, 2, 2];
    let have = outcome
        .map(|applied| {
            decode(
                &applied.bytes[marks[usize::from(input.encoding)]..],
                input.encoding,
            )
        })
        .map_err(backend_core::Error::kind);
    assert_eq!(have, want, "{replacements:?} in {:?}", input.text);
}

fn replace(text: &str, replacements: &[Replacement]) -> std::result::Result<String, ErrorKind> {
    let mut text = text.to_owned();
    for Replacement {
        old,
        new,
        replace_all,
        ..
    } in replacements
    {
        let starts = text
            .char_indices()
            .filter(|(at, _)| text[*at..].starts_with(old.as_str()));
        match starts.count() {
            0 => return Err(ErrorKind::NoMatch),
            1 => {}
            _ if *replace_all => {}
            _ => return Err(ErrorKind::AmbiguousMatch),
        }
        text = text.replace(old.as_str(), new);
    }
    Ok(text)
}
