//! What a list left out, reported to a person.

use std::fmt::Write;

use backend_core::{Error, Skipped, Truncation};

use crate::failure::Failure;
use crate::out::Out;

/// Reports what is not in a list, and how to see it.
pub(crate) fn tell(
    out: &mut Out,
    shown: usize,
    truncated: Option<Truncation>,
    skipped: &Skipped,
    failures: &[Error],
) {
    match truncated {
        Some(Truncation::Limit) => {
            out.note(format_args!(
                "there is more: these are the first {shown}, --limit shows more"
            ));
        }
        Some(Truncation::Time) => out.note("timed out before everything was searched"),
        Some(_) | None => {}
    }
    if shown == 0 || truncated == Some(Truncation::Unreadable) {
        let parts = describe(skipped);
        if !parts.is_empty() {
            out.note(format_args!("skipped: {parts}"));
        }
    }
    if skipped.unnameable > 0 && shown > 0 {
        let count = skipped.unnameable;
        out.note(format_args!(
            "{count} with unrepresentable names are left out"
        ));
    }
    for error in failures {
        out.error(&Failure::Core(error.clone()));
    }
}

fn describe(skipped: &Skipped) -> String {
    let mut text = String::new();
    for (count, what) in [
        (skipped.hidden, "hidden (--hidden)"),
        (skipped.ignored, "ignored (--no-ignore)"),
        (skipped.binary, "binary"),
        (skipped.symlinks, "links"),
        (skipped.long_lines, "with lines that are too long"),
        (skipped.unreadable, "unreadable"),
        (skipped.unnameable, "with unrepresentable names"),
    ] {
        if count > 0 {
            let comma = if text.is_empty() { "" } else { ", " };
            // Writing to a string does not fail.
            let _ = write!(text, "{comma}{count} {what}");
        }
    }
    text
}
