//! One segment of a glob against one name, compared with a recursive matcher.

use proptest::prelude::*;

use super::{files, found};

/// Matches by definition, in exponential time.
fn naive(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => {
            naive(rest, name) || matches!(name, [_, after @ ..] if naive(pattern, after))
        }
        (['?', rest @ ..], [_, after @ ..]) => naive(rest, after),
        (['[', '!', c, ']', rest @ ..], [first, after @ ..]) => first != c && naive(rest, after),
        (['[', c, ']', rest @ ..], [first, after @ ..]) => first == c && naive(rest, after),
        ([c, rest @ ..], [first, after @ ..]) => c == first && naive(rest, after),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_segment_matches_as_defined(
        parts in proptest::collection::vec(proptest::sample::select(vec!["a", "b", "é", "*", "?", "[a]", "[!a]", "[é]"]), 1..7),
        name in "[abé]{1,8}",
    ) {
        // Two stars alone cross segments, which makes no difference here.
        let pattern = parts.concat();
        let chars: Vec<char> = pattern.chars().collect();
        let want = naive(&chars, &name.chars().collect::<Vec<_>>());
        let tree = files([format!("/{name}").as_str()]);
        prop_assert_eq!(found(&tree, &pattern).len(), usize::from(want), "{} {}", pattern, name);
    }
}
