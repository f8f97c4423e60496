//! The permitted and the actual states of a disk after a loss of power.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::How;
use super::plan::{Change, State, World};

/// The files after each change since everything was on the disk.
#[derive(Debug)]
pub(super) struct Window {
    /// The number of changes before the first of `states`.
    start: usize,
    /// The number of changes that are confirmed.
    confirmed: usize,
    states: Vec<BTreeMap<String, State>>,
    changes: Vec<Change>,
}

impl Window {
    pub(super) fn new(world: &World) -> Self {
        Self {
            start: 0,
            confirmed: 0,
            states: vec![world.files.clone()],
            changes: Vec::new(),
        }
    }

    /// Adds the changes that were started meanwhile.
    pub(super) fn go_on(&mut self, world: &mut World, begun: usize, confirmed: usize) {
        while self.start + self.changes.len() < begun {
            self.changes.push(world.next());
            self.states.push(world.files.clone());
        }
        self.confirmed = confirmed;
    }

    /// Forgets the states before this many changes, which are all on the disk.
    pub(super) fn is_on_disk(&mut self, changes: usize) {
        let gone = changes - self.start;
        self.states.drain(..gone);
        self.changes.drain(..gone);
        self.start = changes;
    }

    /// The permitted states of the disk: with everything confirmed, or any since the start.
    fn possible(&self, how: How) -> &[BTreeMap<String, State>] {
        match how {
            How::Full => &self.states[self.confirmed - self.start..],
            How::Content | How::Naive => &self.states,
        }
    }
}

/// Checks a disk after a loss of power, and returns the violations.
pub(super) fn check(root: &Path, window: &Window, how: How) -> Vec<String> {
    let found = read_all(root);
    let possible = window.possible(how);
    let mut losses = Vec::new();
    let paths: BTreeSet<&String> = possible.iter().flat_map(BTreeMap::keys).collect();
    for path in paths {
        let states: Vec<Option<State>> = possible.iter().map(|s| s.get(path).copied()).collect();
        let was_new = how != How::Full && states.contains(&None);
        let loss = match found.get(path) {
            None if states.contains(&None) => continue,
            None => "it is missing".to_owned(),
            Some(text) if State::of(text).is_some_and(|s| states.contains(&Some(s))) => continue,
            Some(text) if was_new && is_start_of_new(text, path, window) => continue,
            Some(text) => format!("{} bytes: {:.20}", text.len(), text),
        };
        losses.push(format!("{path}: {loss}; it was {states:?}"));
    }
    for path in found
        .keys()
        .filter(|path| !path.contains(".~ab-") && *path != "other")
    {
        if !possible.iter().any(|state| state.contains_key(path)) && !path.ends_with(".tmp") {
            losses.push(format!("{path}: it was never created"));
        }
    }
    losses.extend(lost_on_the_way(&found, window, how));
    losses
}

/// Whether a text is the start of one with which a file was made that was not there.
fn is_start_of_new(text: &str, path: &str, window: &Window) -> bool {
    window.changes.iter().any(|change| match change {
        Change::Write { path: made, new } => made == path && new.text().starts_with(text),
        // It was new where it was before, and may be so here.
        Change::Rename { to, .. } => to == path && text_of_new(text, window),
        _ => false,
    })
}

fn text_of_new(text: &str, window: &Window) -> bool {
    let on_disk = &window.states[0];
    window.changes.iter().any(|change| {
        matches!(change, Change::Write { path, new } if !on_disk.contains_key(path) && new.text().starts_with(text))
    })
}

/// Content that was on the disk, and was moved since, is at one of the places where it was, or has been replaced there.
fn lost_on_the_way(found: &BTreeMap<String, String>, window: &Window, how: How) -> Vec<String> {
    let mut losses = Vec::new();
    let first = if how == How::Full {
        window.confirmed - window.start
    } else {
        0
    };
    for (path, state) in &window.states[first] {
        let mut places = vec![(path.clone(), *state)];
        let mut ended = false;
        for change in &window.changes[first..] {
            let (place, state) = places.last().unwrap().clone();
            match change {
                Change::Write { path, new }
                | Change::Edit { path, new, .. }
                | Change::Patch { path, new, .. }
                    if *path == place =>
                {
                    places.push((place, *new));
                }
                Change::Rename { from, to } if *from == place => places.push((to.clone(), state)),
                Change::Rename { to: gone, .. } | Change::Delete { path: gone }
                    if *gone == place =>
                {
                    ended = true;
                    break;
                }
                _ => {}
            }
        }
        let is_there = |(path, state): &(String, State)| {
            found.get(path).is_some_and(|text| *text == state.text())
        };
        if !ended && !places.iter().any(is_there) {
            losses.push(format!("{path}: its content is nowhere of {places:?}"));
        }
    }
    losses
}

fn read_all(root: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut todo = vec![root.to_path_buf()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let path = path.strip_prefix(root).unwrap();
                all.insert(path.to_str().unwrap().to_owned(), text);
            }
        }
    }
    all
}
