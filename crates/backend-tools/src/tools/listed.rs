//! Lists within a budget.

use serde::Serialize;

/// Returns the first items whose JSON fits into a budget of bytes, and the number of the others.
pub(super) fn shorten<T: Serialize>(mut items: Vec<T>, budget: usize) -> (Vec<T>, u64) {
    let mut bytes = 0usize;
    let fitting = items
        .iter()
        .take_while(|item| {
            let json = serde_json::to_string(item).map_or(0, |json| json.len());
            bytes = bytes.saturating_add(json + 1);
            bytes <= budget
        })
        .count();
    let omitted = items.len() - fitting;
    items.truncate(fitting);
    (items, omitted as u64)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
pub(super) fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
pub(super) fn is_false(flag: &bool) -> bool {
    !*flag
}
