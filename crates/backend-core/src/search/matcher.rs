//! The regular expression of a grep.

use grep_regex::{ErrorKind, RegexMatcher, RegexMatcherBuilder};

use crate::slice::Slice;
use crate::{Case, Error, GrepRequest, Result};

/// The longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 64 << 10;

/// The maximum size of the compiled expression, and of each thread's cache for it, in bytes.
const MAX_COMPILED_BYTES: usize = 10 << 20;

/// The maximum nesting of an expression.
const MAX_NESTING: u32 = 250;

/// Compiles the pattern of a request.
pub(super) fn compile(request: &GrepRequest) -> Result<RegexMatcher> {
    if request.pattern.len() > MAX_PATTERN_BYTES {
        let start: String = request.pattern.chars().take(80).collect();
        return Err(Error::invalid_pattern(
            format!("{start}…"),
            format!("a pattern is at most {MAX_PATTERN_BYTES} bytes long"),
        ));
    }
    let refuse = |message: String| Error::invalid_pattern(request.pattern.as_str(), message);
    if !request.fixed {
        // The matcher would parse it inside its own brackets, and show those in its message.
        regex_syntax::ParserBuilder::new()
            .utf8(false)
            .nest_limit(MAX_NESTING)
            .build()
            .parse(&request.pattern)
            .map_err(|error| refuse(error.to_string()))?;
    }
    let pattern = with_bare_newlines(&request.pattern, request.fixed);
    let mut builder = RegexMatcherBuilder::new();
    builder
        .multi_line(true)
        .fixed_strings(request.fixed)
        .case_insensitive(request.case == Case::Insensitive)
        .case_smart(request.case == Case::Smart)
        .word(request.word)
        .dot_matches_new_line(request.multi_line)
        .ban_byte(Some(0))
        .nest_limit(MAX_NESTING)
        .size_limit(MAX_COMPILED_BYTES)
        .dfa_size_limit(MAX_COMPILED_BYTES);
    if !request.multi_line {
        builder.line_terminator(Some(b'\n'));
    }
    builder.build(&pattern).map_err(|error| {
        refuse(match error.kind() {
            ErrorKind::NotAllowed(_) => {
                "no line contains a newline; set multi_line to search across lines".into()
            }
            ErrorKind::Banned(_) => "no text contains a NUL byte, so this would never match".into(),
            _ => error.to_string(),
        })
    })
}

/// Removes the `\r` from each `\r\n`, escaped or not: a search never sees a `\r` before a newline.
fn with_bare_newlines(pattern: &str, fixed: bool) -> String {
    let plain = pattern.replace("\r\n", "\n");
    if fixed || !plain.contains("\\r\\n") {
        return plain;
    }
    let mut bare = String::with_capacity(plain.len());
    let mut rest = plain.as_str();
    while let Some(start) = rest.find('\\') {
        let (before, escape) = rest.split_at(start);
        bare.push_str(before);
        // A quantifier after it would apply to the newline alone, and then to nothing.
        let is_pair = escape.starts_with("\\r\\n")
            && !escape
                .get(4..)
                .is_some_and(|after| after.starts_with(['?', '*', '+', '{']));
        let skip = if is_pair { 2 } else { 0 };
        // The backslash and the escaped character, whatever that is.
        let escaped: String = escape.chars().skip(skip).take(2).collect();
        bare.push_str(&escaped);
        rest = escape.slice(skip + escaped.len()..);
    }
    bare.push_str(rest);
    bare
}
