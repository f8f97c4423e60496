//! Maps outcomes and errors of a mounted backend to paths of the composite.

use backend_core::{
    Content, Deleted, Entry, Error, Grepped, MadeDirectory, Page, PathError, Renamed, TextPage,
    VirtualPath, Written,
};

use crate::routes::Mount;

/// A value that can contain paths of a mounted backend.
pub(crate) trait Outward {
    /// Prefixes all of them with the mount's path.
    fn outward(self, mount: &Mount) -> Self;
}

impl Outward for Error {
    fn outward(self, mount: &Mount) -> Self {
        let outer = |path: &VirtualPath| mount.outer(path).unwrap_or_else(|| mount.at.clone());
        match self {
            // The text was a valid path, unless it was refused for its form.
            Self::InvalidPath { path, reason } => match VirtualPath::parse(&path) {
                Ok(path) => PathError::new(outer(&path).as_str(), reason).into(),
                Err(_) => Self::InvalidPath { path, reason },
            },
            error => error.map_path(outer),
        }
    }
}

impl Outward for Entry {
    fn outward(mut self, mount: &Mount) -> Self {
        self.path = mount.outer(&self.path).unwrap_or_else(|| mount.at.clone());
        self
    }
}

impl Outward for Page<Entry> {
    // An entry whose path would be too long cannot be opened from outside, and is counted instead.
    fn outward(mut self, mount: &Mount) -> Self {
        let found = self.items.len();
        self.items.retain_mut(|entry| {
            mount
                .outer(&entry.path)
                .map(|path| entry.path = path)
                .is_some()
        });
        self.skipped.unnameable += (found - self.items.len()) as u64;
        self.failures = outward_all(self.failures, mount);
        self
    }
}

impl Outward for TextPage {
    fn outward(mut self, mount: &Mount) -> Self {
        self.path = mount.outer(&self.path).unwrap_or_else(|| mount.at.clone());
        self
    }
}

impl Outward for Grepped {
    fn outward(mut self, mount: &Mount) -> Self {
        let found = self.matches.len() + self.files.len();
        self.matches
            .retain_mut(|hit| mount.outer(&hit.path).map(|path| hit.path = path).is_some());
        self.files.retain_mut(|file| {
            mount
                .outer(&file.path)
                .map(|path| file.path = path)
                .is_some()
        });
        let left = self.matches.len() + self.files.len();
        self.skipped.unnameable += (found - left) as u64;
        self.failures = outward_all(self.failures, mount);
        self
    }
}

fn outward_all(errors: Vec<Error>, mount: &Mount) -> Vec<Error> {
    errors
        .into_iter()
        .map(|error| error.outward(mount))
        .collect()
}

macro_rules! pathless {
    ($($outcome:ty),*) => {$(
        impl Outward for $outcome {
            fn outward(self, _mount: &Mount) -> Self {
                self
            }
        }
    )*};
}

pathless!(Content, Written, Deleted, Renamed, MadeDirectory);
