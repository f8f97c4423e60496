//! Which backend a path belongs to, and its path there.
//!
//! Works only on paths: no backend is asked.

use std::sync::Arc;

use backend_core::{Backend, Error, Result, VirtualPath};

/// A backend, and where it is mounted.
#[derive(Clone, Debug)]
pub(crate) struct Mount {
    pub(crate) at: VirtualPath,
    pub(crate) backend: Arc<dyn Backend>,
}

/// All mounts. Paths outside of them belong to the default.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    /// In path order, so that a mount comes before those inside of it.
    mounts: Vec<Mount>,
}

impl Mount {
    /// Maps a path of the composite to the backend's own.
    pub(crate) fn inner(&self, path: &VirtualPath) -> VirtualPath {
        path.strip_prefix(&self.at).unwrap_or_default()
    }

    /// Maps a path of the backend to the composite's, unless that would be too long.
    pub(crate) fn outer(&self, path: &VirtualPath) -> Option<VirtualPath> {
        path.rebase(&self.at).ok()
    }
}

impl Routes {
    /// Sorts the mounts.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a mount at the root, or two at the same path.
    pub(crate) fn new(mut mounts: Vec<Mount>) -> Result<Self> {
        mounts.sort_by(|left, right| left.at.cmp(&right.at));
        for mount in &mounts {
            if mount.at.is_root() {
                let message = "nothing can be mounted at the root: it belongs to the default";
                return Err(Error::invalid_request_at(&mount.at, message));
            }
        }
        for (mount, next) in mounts.iter().zip(mounts.iter().skip(1)) {
            if mount.at == next.at {
                let message = "two backends cannot be mounted at the same path";
                return Err(Error::invalid_request_at(&mount.at, message));
            }
        }
        Ok(Self { mounts })
    }

    pub(crate) fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// Returns the mount that a path belongs to: the longest prefix wins. `None` is the default.
    pub(crate) fn owner(&self, path: &VirtualPath) -> Option<&Mount> {
        let mut mounts = self.mounts.iter().rev();
        mounts.find(|mount| path.starts_with(&mount.at))
    }

    /// Returns the mounts below a path, itself not included.
    pub(crate) fn below(&self, path: &VirtualPath) -> impl Iterator<Item = &Mount> {
        self.mounts
            .iter()
            .filter(move |mount| mount.at != *path && mount.at.starts_with(path))
    }

    /// Returns whether there are mounts below a path. Then it is a directory, whatever its backend has there.
    pub(crate) fn is_above(&self, path: &VirtualPath) -> bool {
        self.below(path).next().is_some()
    }

    /// Returns the mount at a path, or the first one below it: the reason why the path has to stay.
    pub(crate) fn pinned_by(&self, path: &VirtualPath) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.at.starts_with(path))
    }

    /// Returns the directories below `base` that lead to mounts and belong to the same backend as `base`, in path order.
    pub(crate) fn leading(&self, base: &VirtualPath) -> Vec<VirtualPath> {
        let owner = self.owner(base).map(|mount| &mount.at);
        let mut leading: Vec<_> = self
            .below(base)
            .flat_map(|mount| mount.at.ancestors().skip(1))
            .filter(|path| path != base && path.starts_with(base))
            .filter(|path| self.owner(path).map(|mount| &mount.at) == owner)
            .collect();
        leading.sort();
        leading.dedup();
        leading
    }

    /// Returns the directories above `path` that lead to mounts and belong to the same backend as `path`, except the
    /// root of that backend.
    pub(crate) fn leading_above(&self, path: &VirtualPath) -> Vec<VirtualPath> {
        let owner = self.owner(path);
        let at = owner.map_or_else(VirtualPath::root, |mount| mount.at.clone());
        path.ancestors()
            .skip(1)
            .take_while(|above| *above != at)
            .filter(|above| self.is_above(above))
            .collect()
    }

    /// Returns the names in the directory `path` that lead to mounts, or are mount points, in byte order.
    pub(crate) fn children(&self, path: &VirtualPath) -> Vec<VirtualPath> {
        let depth = path.segments().count();
        let mut children: Vec<_> = self
            .below(path)
            .filter_map(|mount| {
                let above = mount.at.segments().count() - depth - 1;
                mount.at.ancestors().nth(above)
            })
            .collect();
        children.sort();
        children.dedup();
        children
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backend_state::StateBackend;

    fn p(text: &str) -> VirtualPath {
        VirtualPath::parse(text).unwrap()
    }

    fn routes(places: &[&str]) -> Routes {
        let mounts = places
            .iter()
            .map(|place| Mount {
                at: p(place),
                backend: Arc::new(StateBackend::new()),
            })
            .collect();
        Routes::new(mounts).unwrap()
    }

    fn texts(paths: &[VirtualPath]) -> Vec<&str> {
        paths.iter().map(VirtualPath::as_str).collect()
    }

    #[test]
    fn the_longest_prefix_wins_by_segment() {
        let routes = routes(&["/mem", "/a/b/c", "/a", "/a-b"]);
        let owner = |path: &str| routes.owner(&p(path)).map(|mount| mount.at.as_str());
        for (path, want) in [
            ("/", None),
            ("/memory/x", None),
            ("/mem.txt", None),
            ("/b", None),
            ("/mem", Some("/mem")),
            ("/mem/x/y", Some("/mem")),
            ("/a/b", Some("/a")),
            ("/a/b/c", Some("/a/b/c")),
            ("/a/b/c/d", Some("/a/b/c")),
            ("/a/b/cd", Some("/a")),
            ("/a-b/c", Some("/a-b")),
        ] {
            assert_eq!(owner(path), want, "{path}");
        }
    }

    #[test]
    fn paths_go_in_and_come_out() {
        let routes = routes(&["/mnt/x"]);
        let mount = routes.owner(&p("/mnt/x/a/b")).unwrap();
        assert_eq!(mount.inner(&p("/mnt/x/a/b")), "/a/b");
        assert_eq!(mount.inner(&p("/mnt/x")), "/");
        assert_eq!(mount.outer(&p("/a")).unwrap(), "/mnt/x/a");
        assert_eq!(mount.outer(&p("/")).unwrap(), "/mnt/x");
        assert_eq!(mount.outer(&p(&"/d".repeat(2047))), None);
    }

    #[test]
    fn directories_lead_to_mounts() {
        let routes = routes(&["/a/b/c", "/a/b/c/d/e", "/a/x", "/z"]);
        assert_eq!(texts(&routes.leading(&p("/"))), ["/a", "/a/b"]);
        assert_eq!(texts(&routes.leading(&p("/a"))), ["/a/b"]);
        assert_eq!(texts(&routes.leading(&p("/a/b/c"))), ["/a/b/c/d"]);
        assert!(routes.leading(&p("/z")).is_empty());
        assert_eq!(texts(&routes.children(&p("/"))), ["/a", "/z"]);
        assert_eq!(texts(&routes.children(&p("/a"))), ["/a/b", "/a/x"]);
        assert_eq!(texts(&routes.children(&p("/a/b/c/d"))), ["/a/b/c/d/e"]);
        assert_eq!(texts(&routes.leading_above(&p("/a/b/f"))), ["/a/b", "/a"]);
        assert_eq!(texts(&routes.leading_above(&p("/a/b/c/d/f"))), ["/a/b/c/d"]);
        assert!(routes.leading_above(&p("/q/r")).is_empty());
        assert!(routes.is_above(&p("/a/b/c")) && !routes.is_above(&p("/a/x")));
    }

    #[test]
    fn mount_points_and_directories_that_lead_to_them_are_pinned() {
        let routes = routes(&["/a/b", "/a/b/c"]);
        let pinned = |path: &str| routes.pinned_by(&p(path)).map(|mount| mount.at.as_str());
        assert_eq!(pinned("/a"), Some("/a/b"));
        assert_eq!(pinned("/a/b"), Some("/a/b"));
        assert_eq!(pinned("/a/b/c"), Some("/a/b/c"));
        assert_eq!(pinned("/a/b/d"), None);
        assert_eq!(pinned("/ab"), None);
    }
}
