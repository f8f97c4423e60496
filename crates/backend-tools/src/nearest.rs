//! The known name that is closest to an unknown one.

/// Longer names are compared by their beginnings.
const COMPARED_CHARS: usize = 64;

/// Returns the known name that `name` was probably meant to be.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = plain(name).take(COMPARED_CHARS).collect();
    let most = (wanted.len() / 3).max(1);
    let ranked = known.filter_map(|candidate| {
        let other: Vec<char> = plain(candidate).take(COMPARED_CHARS).collect();
        let distance = distance(&wanted, &other);
        if distance <= most {
            return Some((distance, candidate));
        }
        // `file_path` is a `path`.
        shares_word(name, candidate).then_some((most + 1, candidate))
    });
    ranked
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Only the letters and digits, so that `oldString` is `old_string`.
fn plain(name: &str) -> impl Iterator<Item = char> {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .map(|c| c.to_ascii_lowercase())
}

fn shares_word(name: &str, candidate: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.len() > 2)
            .map(str::to_ascii_lowercase)
            .collect()
    };
    let candidate = words(candidate);
    words(&name.chars().take(COMPARED_CHARS).collect::<String>())
        .iter()
        .any(|word| candidate.contains(word))
}

/// How many characters must be added, removed or changed.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let changed = diagonal + usize::from(x != y);
            left = changed.min(left + 1).min(above.saturating_add(1));
            next.push(left);
            diagonal = above;
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[track_caller]
    fn check(name: &str, known: &[&str], want: Option<&str>) {
        assert_eq!(nearest(name, known.iter().copied()), want, "{name}");
    }

    #[test]
    fn a_slip_is_found() {
        check("patern", &["path", "pattern"], Some("pattern"));
        check(
            "oldString",
            &["new_string", "old_string"],
            Some("old_string"),
        );
        check("Path", &["path"], Some("path"));
    }

    #[test]
    fn a_name_that_has_the_word_is_found() {
        check("file_path", &["limit", "path"], Some("path"));
        check("search_pattern", &["path", "pattern"], Some("pattern"));
    }

    #[test]
    fn a_name_far_from_every_other_is_not_guessed() {
        check("colour", &["path", "limit"], None);
        check("", &["path"], None);
        check(&"x".repeat(100_000), &["path"], None);
    }
}
