//! The head and the tail of a long text.

/// Returns the first and the last bytes of a text that is longer than both, cut at line ends if any are near.
pub(crate) fn ends(text: &str, head: usize, tail: usize) -> (&str, &str) {
    let mut end = head.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text.get(..end).unwrap_or_default();
    let head = match head.rfind('\n') {
        Some(newline) if newline >= end / 2 => head.get(..=newline).unwrap_or_default(),
        _ => head,
    };
    let mut start = text.len().saturating_sub(tail).max(end);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let rest = text.get(start..).unwrap_or_default();
    let tail = match rest.find('\n') {
        Some(newline) if newline < rest.len() / 2 => rest.get(newline + 1..).unwrap_or_default(),
        _ => rest,
    };
    (head, tail)
}

#[cfg(test)]
mod tests {
    use super::ends;

    #[track_caller]
    fn check(text: &str, head: usize, tail: usize, want: (&str, &str)) {
        assert_eq!(ends(text, head, tail), want);
    }

    #[test]
    fn lines_are_kept_whole_where_they_are_short() {
        check("aaa\nbbb\nccc\nddd\n", 6, 6, ("aaa\n", "ddd\n"));
        check("aaaaaaaaaaaaaaaa", 3, 3, ("aaa", "aaa"));
    }

    #[test]
    fn characters_are_never_cut() {
        check("ééééé", 3, 3, ("é", "é"));
        check("éa", 1, 1, ("", "a"));
    }
}
