//! The worker's plan: a sequence of changes that is the same for it and for the test, and the resulting
//! states.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Numbers that look random, and are the same each time.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// Returns one below a limit.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

/// The state of a file. Each text has exactly one, which can be derived from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// The number of the change that wrote all of it.
    pub(super) number: u64,
    lines: u64,
    /// The number of the change that wrote the last line.
    pub(super) patch: u64,
}

impl State {
    /// The word in every line but the last one.
    pub(super) fn word(self) -> String {
        format!("v{:06}", self.number)
    }

    pub(super) fn last_line(self) -> String {
        format!("p{:06}", self.patch)
    }

    pub(super) fn lines(self) -> u64 {
        self.lines
    }

    pub(super) fn text(self) -> String {
        let word = self.word();
        let mut text = format!("{word} {}\n", self.lines);
        for line in 0..self.lines {
            text += &format!("{word} {line:06} {}\n", "x".repeat(60));
        }
        text + &self.last_line() + "\n"
    }

    /// Returns the state of which this is the whole text.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (word, lines) = text.lines().next()?.split_once(' ')?;
        let state = Self {
            number: word.strip_prefix('v')?.parse().ok()?,
            lines: lines.parse().ok()?,
            patch: text.lines().last()?.strip_prefix('p')?.parse().ok()?,
        };
        (state.text() == text).then_some(state)
    }
}

/// A change of one or two files.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Replaces a file, or makes a new one.
    Write {
        path: String,
        new: State,
    },
    /// Replaces a word in every line.
    Edit {
        path: String,
        old: State,
        new: State,
    },
    /// Replaces the last line, by its number.
    Patch {
        path: String,
        old: State,
        new: State,
    },
    /// Moves a file, and perhaps over another one.
    Rename {
        from: String,
        to: String,
    },
    Delete {
        path: String,
    },
}

/// The files after a number of changes, and the next change.
#[derive(Clone, Debug)]
pub(super) struct World {
    random: Random,
    count: u64,
    pub(super) files: BTreeMap<String, State>,
}

impl World {
    /// The files at the start, all of which are on the disk.
    pub(super) fn new() -> Self {
        let mut world = Self {
            random: Random::new(1),
            count: 0,
            files: BTreeMap::new(),
        };
        for number in 0..8 {
            let state = world.state();
            let dir = ["a", "b"][number % 2];
            world.files.insert(format!("{dir}/old{number}"), state);
        }
        world
    }

    pub(super) fn make(&self, root: &Path) {
        for (path, state) in &self.files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, state.text()).unwrap();
        }
    }

    /// Returns the next change, as if it were done.
    pub(super) fn next(&mut self) -> Change {
        let path = self.some_file();
        let old = self.files[&path];
        let new = self.state();
        let change = match self.random.below(100) {
            0..25 => Change::Write { path, new },
            25..45 => {
                let new = State {
                    number: new.number,
                    ..old
                };
                Change::Edit { path, old, new }
            }
            45..60 => {
                let new = State {
                    patch: new.number,
                    ..old
                };
                Change::Patch { path, old, new }
            }
            60..75 => {
                let path = self.new_path();
                Change::Write { path, new }
            }
            75..83 => Change::Rename {
                from: path,
                to: self.new_path(),
            },
            83..95 => {
                let to = self.some_file();
                if to == path {
                    Change::Write { path, new }
                } else {
                    Change::Rename { from: path, to }
                }
            }
            _ if self.files.len() > 8 => Change::Delete { path },
            _ => Change::Write { path, new },
        };
        match &change {
            Change::Write { path, new }
            | Change::Edit { path, new, .. }
            | Change::Patch { path, new, .. } => {
                self.files.insert(path.clone(), *new);
            }
            Change::Rename { from, to } => {
                let state = self.files.remove(from).unwrap();
                self.files.insert(to.clone(), state);
            }
            Change::Delete { path } => {
                self.files.remove(path);
            }
        }
        change
    }

    fn state(&mut self) -> State {
        self.count += 1;
        State {
            number: self.count,
            lines: self.random.below(400),
            patch: self.count,
        }
    }

    fn some_file(&mut self) -> String {
        let number = self.random.below(self.files.len() as u64) as usize;
        self.files.keys().nth(number).unwrap().clone()
    }

    fn new_path(&mut self) -> String {
        let dir = ["a", "b", "c/d"][self.random.below(3) as usize];
        format!("{dir}/new{}", self.count)
    }
}
