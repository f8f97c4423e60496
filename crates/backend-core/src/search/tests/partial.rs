//! The results so far can be taken while a part of the tree does not answer.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::{Forest, virtual_path};
use crate::search::{
    Base, Cancel, Children, Opened, PartialGlob, PartialGrep, Tree, glob_into, grep_into,
};
use crate::{Entry, GlobRequest, GrepRequest, Result, Truncation, VirtualPath};

/// A tree in which everything named `hung` reports that it was reached, and blocks until it is released.
struct Hanging {
    forest: Forest,
    /// Whether entries of this name can be examined anyway.
    looks: bool,
    hung: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
}

impl Hanging {
    fn wait(&self, name: &str) {
        if name != "hung" {
            return;
        }
        let hung = self.hung.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = hung.send(());
        drop(hung);
        // An error means that the test has ended.
        let go_on = self.go_on.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = go_on.recv();
    }
}

impl Tree for Hanging {
    type Dir = <Forest as Tree>::Dir;
    type Reader = <Forest as Tree>::Reader;

    fn base(&self, path: &VirtualPath) -> Result<Base<Self::Dir, Self::Reader>> {
        self.forest.base(path)
    }

    fn children(&self, dir: &Self::Dir) -> Result<Children> {
        self.forest.children(dir)
    }

    fn open_dir(&self, dir: &Self::Dir, name: &str) -> Result<Self::Dir> {
        self.wait(name);
        self.forest.open_dir(dir, name)
    }

    fn open_file(&self, dir: &Self::Dir, name: &str) -> Result<Opened<Self::Reader>> {
        self.wait(name);
        self.forest.open_file(dir, name)
    }

    fn entry(&self, dir: &Self::Dir, name: &str, path: VirtualPath) -> Result<Entry> {
        if !self.looks {
            self.wait(name);
        }
        self.forest.entry(dir, name, path)
    }
}

/// Runs a search that hangs, takes its results so far, and lets it end.
fn taken<R: Send, P: Send>(
    files: &[&str],
    looks: bool,
    search: impl FnOnce(&Hanging) -> R + Send,
    take: impl FnOnce() -> P,
) -> (P, R) {
    let ((hung, is_hung), (go_on, told)) = (channel(), channel());
    let tree = Hanging {
        forest: Forest::new(files.iter().map(|path| (*path, "x\n"))),
        looks,
        hung: Mutex::new(hung),
        go_on: Mutex::new(told),
    };
    thread::scope(|scope| {
        let searching = scope.spawn(|| search(&tree));
        is_hung.recv_timeout(Duration::from_secs(300)).unwrap();
        let part = take();
        drop(go_on);
        (part, searching.join().unwrap())
    })
}

fn found_by_grep(files: &[&str], threads: usize) -> Vec<String> {
    let partial = PartialGrep::new();
    // The time limit is long: nothing waits for it here.
    let request = GrepRequest::new("x").timeout(Duration::from_secs(3600));
    let (part, _) = taken(
        files,
        true,
        |tree| grep_into(tree, &request, &Cancel::new(), threads, &partial).unwrap(),
        || partial.take(),
    );
    assert_eq!(part.truncated, Some(Truncation::Time));
    assert_eq!(part.searched, part.matches.len() as u64);
    part.matches
        .into_iter()
        .map(|found| found.path.into())
        .collect()
}

fn found_by_glob(files: &[&str], looks: bool, threads: usize) -> Vec<String> {
    let partial = PartialGlob::new();
    let request = GlobRequest::new("**").timeout(Duration::from_secs(3600));
    let (part, rest) = taken(
        files,
        looks,
        |tree| glob_into(tree, &request, &Cancel::new(), threads, &partial).unwrap(),
        || partial.take(),
    );
    assert_eq!(part.truncated, Some(Truncation::Time));
    assert!(rest.items.is_empty(), "what was taken is found once");
    part.items
        .into_iter()
        .map(|entry| entry.path.into())
        .collect()
}

/// Checks what a search has found when it hangs. With several threads, one may still be busy with an entry at that moment,
/// which is then missing, and those after it are not: such a run is repeated.
#[track_caller]
fn check(want: [&str; 2], found: impl Fn(usize) -> Vec<String>) {
    assert_eq!(found(1), want);
    let found = (0..100).map(|_| found(3)).find(|found| {
        assert!(
            found.iter().all(|path| want.contains(&path.as_str())),
            "{found:?}"
        );
        *found == want
    });
    assert!(found.is_some(), "never found {want:?}");
}

#[test]
fn a_grep_shows_what_it_found_before_a_directory_that_hangs() {
    let files = ["/a/x", "/b", "/c/hung/y", "/d"];
    check(["/a/x", "/b"], |threads| found_by_grep(&files, threads));
}

#[test]
fn a_grep_shows_what_it_found_before_a_file_that_hangs() {
    let files = ["/a", "/b", "/hung"];
    check(["/a", "/b"], |threads| found_by_grep(&files, threads));
}

#[test]
fn a_glob_shows_what_it_found_before_a_directory_that_hangs() {
    let files = ["/a/x", "/b", "/c/hung/y", "/d"];
    check(["/a/x", "/b"], |threads| {
        found_by_glob(&files, true, threads)
    });
}

#[test]
fn a_glob_shows_what_it_found_before_an_entry_that_hangs() {
    let files = ["/a", "/b", "/hung"];
    check(["/a", "/b"], |threads| {
        found_by_glob(&files, false, threads)
    });
}

#[test]
fn before_a_search_starts_the_result_is_empty_and_incomplete() {
    let grep = PartialGrep::new().take();
    assert_eq!((grep.searched, grep.truncated), (0, Some(Truncation::Time)));
    let glob = PartialGlob::new().take();
    assert_eq!(
        (glob.items.len(), glob.truncated),
        (0, Some(Truncation::Time))
    );
}

#[test]
fn the_limit_holds_for_a_part_too() {
    let partial = PartialGrep::new();
    let request = GrepRequest::new("x").limit(1);
    let tree = Forest::new([("/a", "x"), ("/b", "x")]);
    let whole = grep_into(&tree, &request, &Cancel::new(), 1, &partial).unwrap();
    assert_eq!(whole.truncated, Some(Truncation::Limit));
    let request = request.path(virtual_path("/a"));
    let one = grep_into(&tree, &request, &Cancel::new(), 1, &PartialGrep::new()).unwrap();
    assert_eq!((one.matches.len(), one.truncated), (1, None));
}

#[test]
fn a_directory_that_can_be_neither_opened_nor_looked_at_is_counted_once() {
    struct Dead(Forest);
    impl Tree for Dead {
        type Dir = <Forest as Tree>::Dir;
        type Reader = <Forest as Tree>::Reader;
        fn base(&self, path: &VirtualPath) -> Result<Base<Self::Dir, Self::Reader>> {
            self.0.base(path)
        }
        fn children(&self, dir: &Self::Dir) -> Result<Children> {
            self.0.children(dir)
        }
        fn open_dir(&self, dir: &Self::Dir, name: &str) -> Result<Self::Dir> {
            match name {
                "dead" => Err(crate::Error::invalid_request("it is dead")),
                name => self.0.open_dir(dir, name),
            }
        }
        fn open_file(&self, dir: &Self::Dir, name: &str) -> Result<Opened<Self::Reader>> {
            self.0.open_file(dir, name)
        }
        fn entry(&self, dir: &Self::Dir, name: &str, path: VirtualPath) -> Result<Entry> {
            match name {
                "dead" => Err(crate::Error::invalid_request("it is dead")),
                name => self.0.entry(dir, name, path),
            }
        }
    }
    let tree = Dead(Forest::new([("/a", "x"), ("/dead/b", "x"), ("/z", "x")]));
    for threads in [1, 3] {
        let request = GlobRequest::new("**").directories();
        let page = crate::search::glob(&tree, &request, &Cancel::new(), threads).unwrap();
        assert_eq!((page.items.len(), page.skipped.unreadable), (2, 1));
        let request = GrepRequest::new("x");
        let found = crate::search::grep(&tree, &request, &Cancel::new(), threads).unwrap();
        assert_eq!((found.matches.len(), found.skipped.unreadable), (2, 1));
    }
}
