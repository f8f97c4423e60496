//! The lines that have most in common with a needle, by pairs of adjacent bytes.

use super::Lines;
use crate::slice::Slice;

/// How many lines of a needle are compared.
const MAX_NEEDLE_LINES: usize = 40;

/// How many of a needle's lines, the longest ones, are searched for in the whole text.
const PROBES: usize = 3;

/// How many candidates each of them yields.
const CANDIDATES: usize = 4;

/// How many bytes of a line count.
const MAX_LINE_BYTES: usize = 256;

/// The minimum likeness of a candidate and the needle, from 0 to 1.
const MIN_SIMILARITY: f32 = 0.6;

/// Returns the nearest lines, if any are near enough.
pub(super) fn find(text: &str, needle: &str) -> Option<Lines> {
    let profiles: Vec<Profile> = needle
        .lines()
        .take(MAX_NEEDLE_LINES)
        .map(Profile::new)
        .collect();
    let lines: Vec<&str> = text.split_inclusive('\n').map(significant).collect();
    let mut probes: Vec<_> = profiles.iter().enumerate().collect();
    probes.sort_by_key(|(_, profile)| std::cmp::Reverse(profile.pairs));
    let mut best: Option<(f32, usize)> = None;
    for (above, probe) in probes.into_iter().take(PROBES) {
        for line in probe.nearest(&lines) {
            let Some(first) = line.checked_sub(above) else {
                continue;
            };
            let score = score(&profiles, lines.slice(first..));
            if score >= MIN_SIMILARITY && best.is_none_or(|(best, _)| score > best) {
                best = Some((score, first));
            }
        }
    }
    best.map(|(_, first)| Lines {
        first,
        count: needle.lines().count(),
    })
}

/// Returns the likeness of lines and the needle's lines, weighted by length.
fn score(profiles: &[Profile], lines: &[&str]) -> f32 {
    let mut common = 0.0;
    let mut all = 0.0;
    for (index, profile) in profiles.iter().enumerate() {
        let weight = f32::from(profile.pairs);
        let line = lines.get(index).copied().unwrap_or_default();
        common += weight * profile.similarity(line);
        all += weight;
    }
    if all > 0.0 { common / all } else { 0.0 }
}

/// Returns the part of a line that is compared.
fn significant(line: &str) -> &str {
    let line = line.trim();
    let mut end = line.len().min(MAX_LINE_BYTES);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.slice(..end)
}

/// The pairs of adjacent bytes in a line.
struct Profile {
    /// Sorted, with repetitions.
    sorted: Vec<[u8; 2]>,
    /// A bit for each pair, by its hash: a cheap upper bound on the likeness of two lines.
    bits: Box<[bool; 1024]>,
    pairs: u16,
}

fn pairs(line: &str) -> impl Iterator<Item = [u8; 2]> + '_ {
    line.as_bytes()
        .windows(2)
        .filter_map(|pair| <[u8; 2]>::try_from(pair).ok())
}

fn slot([a, b]: [u8; 2]) -> usize {
    (usize::from(a) * 37 + usize::from(b)) % 1024
}

impl Profile {
    fn new(line: &str) -> Self {
        let mut sorted: Vec<_> = pairs(significant(line)).collect();
        sorted.sort_unstable();
        let mut bits = Box::new([false; 1024]);
        for &pair in &sorted {
            if let Some(bit) = bits.get_mut(slot(pair)) {
                *bit = true;
            }
        }
        Self {
            pairs: u16::try_from(sorted.len()).unwrap_or(u16::MAX),
            sorted,
            bits,
        }
    }

    /// Returns the lines most similar to this one, the first of equals.
    fn nearest(&self, lines: &[&str]) -> Vec<usize> {
        let mut nearest: Vec<(f32, usize)> = Vec::with_capacity(CANDIDATES + 1);
        if self.pairs == 0 {
            return Vec::new();
        }
        for (index, line) in lines.iter().enumerate() {
            let threshold = match nearest.get(CANDIDATES - 1) {
                Some(&(worst, _)) => worst,
                None => MIN_SIMILARITY / 2.0,
            };
            if self.upper_bound(line) <= threshold {
                continue;
            }
            let similarity = self.similarity(line);
            if similarity > threshold {
                let place = nearest.partition_point(|&(better, _)| better >= similarity);
                nearest.insert(place, (similarity, index));
                nearest.truncate(CANDIDATES);
            }
        }
        nearest.into_iter().map(|(_, index)| index).collect()
    }

    /// Returns an upper bound for [`similarity`](Self::likeness).
    fn upper_bound(&self, line: &str) -> f32 {
        let found = pairs(line)
            .filter(|&pair| self.bits.get(slot(pair)) == Some(&true))
            .count();
        ratio(found.min(self.sorted.len()), self.sorted.len(), line)
    }

    /// Returns the share of both lines' pairs that the other line has too: 1 if they have the same pairs.
    fn similarity(&self, line: &str) -> f32 {
        let mut others: Vec<_> = pairs(line).collect();
        others.sort_unstable();
        let mut common = 0;
        let mut others = others.into_iter().peekable();
        for pair in &self.sorted {
            while others.next_if(|other| other < pair).is_some() {}
            common += usize::from(others.next_if_eq(pair).is_some());
        }
        ratio(common, self.sorted.len(), line)
    }
}

fn ratio(common: usize, pairs: usize, line: &str) -> f32 {
    let all = pairs + line.len().saturating_sub(1);
    if all == 0 {
        return 0.0;
    }
    // All of them are small: a line has at most a few hundred pairs.
    let float = |count: usize| f32::from(u16::try_from(count).unwrap_or(u16::MAX));
    2.0 * float(common) / float(all)
}
