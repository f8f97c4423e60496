//! The contract of a store, on each of them: leases and tokens, revisions, pages, one step.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use backend_core::{Error, ErrorKind, Result, SandboxId};

use super::contract::{Lease, SessionStore};
use super::directory::DirectoryStore;
use super::memory::MemoryStore;
use super::{Flush, Record};
use crate::entry::Profile;

/// A place with one store, which several processes can open.
trait Place {
    type Store: SessionStore;

    fn new() -> Self;

    fn open(&self) -> Arc<Self::Store>;

    /// Ends all leases without their holders, as a file system that forgets a lock, or a lease that was not renewed.
    fn lose(&self);
}

struct Root {
    here: tempfile::TempDir,
    opened: Mutex<Vec<Arc<DirectoryStore>>>,
}

impl Place for Root {
    type Store = DirectoryStore;

    fn new() -> Self {
        Self {
            here: tempfile::tempdir().unwrap(),
            opened: Mutex::default(),
        }
    }

    fn open(&self) -> Arc<DirectoryStore> {
        let store = Arc::new(DirectoryStore::open(self.here.path(), Flush::Content).unwrap());
        self.opened.lock().unwrap().push(Arc::clone(&store));
        store
    }

    fn lose(&self) {
        for store in &*self.opened.lock().unwrap() {
            store.lose();
        }
    }
}

impl Place for MemoryStore {
    type Store = Self;

    fn new() -> Self {
        Self::default()
    }

    fn open(&self) -> Arc<Self> {
        Arc::new(self.clone())
    }

    fn lose(&self) {
        self.lose();
    }
}

fn id(text: &str) -> SandboxId {
    SandboxId::parse(text).unwrap()
}

/// Makes a record that names a sandbox, with a variable of this many bytes.
fn record(name: &str, sandbox: &str, bytes: usize) -> Record {
    let profile = Profile {
        tenant: Some("acme".to_owned()),
        runtime: None,
        env: [("A".to_owned(), "x".repeat(bytes))].into(),
        labels: [].into(),
        idle_timeout: None,
        created: SystemTime::UNIX_EPOCH,
    };
    let mut record = Record::new(&id(name), &profile, SystemTime::UNIX_EPOCH);
    record.sandbox = Some(id(sandbox));
    record
}

fn add(store: &dyn SessionStore, lease: &Lease, name: &str) {
    let sandbox = id(&format!("of-{name}"));
    store.stage(lease, &sandbox).unwrap();
    let record = record(name, "first", 1);
    store.commit(lease, &sandbox, &record).unwrap();
}

fn sandbox_of(store: &dyn SessionStore, name: &str) -> String {
    let record = store.load(&id(name)).unwrap().unwrap().record;
    record.sandbox.unwrap().to_string()
}

#[track_caller]
fn is<T: std::fmt::Debug>(outcome: Result<T>, kind: ErrorKind) -> Error {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    error
}

fn a_record_is_replaced_only_at_the_expected_revision<P: Place>(place: &P) {
    let store = place.open();
    let lease = store.lease("m").unwrap();
    add(&*store, &lease, "one");
    let first = store.load(&id("one")).unwrap().unwrap().revision;
    let next = record("one", "second", 1);
    let second = store.save(&lease, &next, Some(&first)).unwrap();
    assert_ne!(first, second);
    assert_eq!(store.load(&id("one")).unwrap().unwrap().revision, second);
    let late = record("one", "late", 1);
    let error = is(store.save(&lease, &late, Some(&first)), ErrorKind::Conflict);
    assert!(error.to_string().contains("one"), "{error}");
    is(
        store.remove(&lease, &id("one"), Some(&first)),
        ErrorKind::Conflict,
    );
    assert_eq!(sandbox_of(&*store, "one"), "second");
    // One that expects nothing is made anyway.
    store.save(&lease, &late, None).unwrap();
    is(
        store.remove(&lease, &id("one"), Some(&second)),
        ErrorKind::Conflict,
    );
    let third = store.load(&id("one")).unwrap().unwrap().revision;
    store.remove(&lease, &id("one"), Some(&third)).unwrap();
    assert_eq!(store.load(&id("one")).unwrap(), None);
    is(store.save(&lease, &late, Some(&third)), ErrorKind::Conflict);
    assert!(store.save(&lease, &late, None).is_err());
    store.remove(&lease, &id("one"), None).unwrap();
}

fn one_of_many_that_expect_the_same_revision_wins<P: Place>(place: &P) {
    let store = place.open();
    let lease = store.lease("m").unwrap();
    add(&*store, &lease, "one");
    for round in 0..10 {
        let expected = store.load(&id("one")).unwrap().unwrap().revision;
        let won = std::thread::scope(|scope| {
            let one = |number: usize| {
                let (store, lease, expected) = (&store, &lease, &expected);
                let next = record("one", &format!("s{round}-{number}"), 1);
                scope.spawn(move || store.save(lease, &next, Some(expected)).is_ok())
            };
            let all: Vec<_> = (0..4).map(one).collect();
            let won = all.into_iter().map(|one| one.join().unwrap());
            won.filter(|won| *won).count()
        });
        assert_eq!(won, 1);
    }
}

fn a_list_comes_in_pages<P: Place>(place: &P) {
    let store = place.open();
    let lease = store.lease("m").unwrap();
    assert_eq!(store.list(None, 10).unwrap().ids, []);
    for name in ["c", "a", "e", "b", "d"] {
        add(&*store, &lease, name);
    }
    store.stage(&lease, &id("staged")).unwrap();
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let page = store.list(seen.last(), 2).unwrap();
        assert!((1..=2).contains(&page.ids.len()));
        seen.extend(page.ids);
        pages += 1;
        if !page.truncated {
            break;
        }
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"].map(id));
    assert_eq!(pages, 3);
    let all = store.list(None, usize::MAX).unwrap();
    assert_eq!((all.ids.len(), all.truncated), (5, false));
    assert_eq!(store.list(Some(&id("bb")), 1).unwrap().ids, [id("c")]);
    assert_eq!(store.list(Some(&id("e")), 1).unwrap().ids, []);
}

fn a_lease_has_one_holder_and_a_larger_token_each_time<P: Place>(place: &P) {
    let store = place.open();
    let first = store.lease("first").unwrap();
    assert_eq!(first.manager, "first");
    let name = store.name(&first, None, "fresh".to_owned()).unwrap();
    assert_eq!(name, "fresh");
    is(place.open().lease("other"), ErrorKind::Unavailable);
    store.release(&first);
    let second = store.lease("second").unwrap();
    assert!(second.token > first.token);
    assert_eq!(second.manager, "first", "the mark stays");
    let name = store.name(&second, None, "new".to_owned()).unwrap();
    assert_eq!(name, "fresh");
    // An old lease neither changes anything nor ends the new one.
    store.release(&first);
    is(store.see(&first, SystemTime::now()), ErrorKind::Unavailable);
    store.see(&second, SystemTime::now()).unwrap();
    // After a crash, too.
    place.lose();
    drop(store);
    let third = place.open().lease("third").unwrap();
    assert!(third.token > second.token);
}

fn nothing_is_changed_with_a_lease_that_another_one_replaced<P: Place>(place: &P) {
    let store = place.open();
    let lease = store.lease("m").unwrap();
    add(&*store, &lease, "one");
    store.stage(&lease, &id("half")).unwrap();
    place.lose();
    let other = place.open();
    let newer = other.lease("m").unwrap();
    assert!(newer.token > lease.token);
    other
        .save(&newer, &record("one", "theirs", 1), None)
        .unwrap();
    let (ours, late) = (record("one", "ours", 1), record("two", "ours", 1));
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
    let refused = [
        store.save(&lease, &ours, None).map(drop),
        store.remove(&lease, &id("one"), None),
        store.stage(&lease, &id("more")).map(drop),
        store.commit(&lease, &id("half"), &late).map(drop),
        store.unstage(&lease, &id("half")),
        store.clear_staging(&lease),
        store.empty_trash(&lease),
        store
            .name(&lease, Some("ours".to_owned()), String::new())
            .map(drop),
        store.see(&lease, date),
    ];
    for outcome in refused {
        let error = is(outcome, ErrorKind::Unavailable);
        assert!(error.to_string().contains("taken over"), "{error}");
    }
    assert_eq!(sandbox_of(&*store, "one"), "theirs");
    assert_eq!(other.load(&id("two")).unwrap(), None);
    assert_ne!(other.seen(), Some(date));
    store.release(&lease);
    other.commit(&newer, &id("half"), &late).unwrap();
}

fn a_session_appears_and_disappears_with_its_files<P: Place>(place: &P) {
    let store = place.open();
    let lease = store.lease("m").unwrap();
    let staged = store.stage(&lease, &id("s1")).unwrap();
    assert_eq!(store.load(&id("one")).unwrap(), None);
    store
        .commit(&lease, &id("s1"), &record("one", "s1", 1))
        .unwrap();
    let workspace = store.workspace(&id("one")).unwrap();
    assert_eq!(workspace.kind(), staged.kind());
    // Neither a second one of its id, nor one without a workspace.
    store.stage(&lease, &id("s2")).unwrap();
    let again = record("one", "s2", 1);
    assert!(store.commit(&lease, &id("s2"), &again).is_err());
    let nothing = record("two", "s3", 1);
    assert!(store.commit(&lease, &id("s3"), &nothing).is_err());
    assert_eq!(sandbox_of(&*store, "one"), "s1");
    assert_eq!(store.workspace(&id("one")).unwrap(), workspace);
    store.unstage(&lease, &id("s3")).unwrap();
    store.clear_staging(&lease).unwrap();
    assert!(
        store
            .commit(&lease, &id("s2"), &record("two", "s2", 1))
            .is_err()
    );
    assert_eq!(store.list(None, 9).unwrap().ids, [id("one")]);
    store.remove(&lease, &id("one"), None).unwrap();
    store.empty_trash(&lease).unwrap();
    assert_eq!(store.list(None, 9).unwrap().ids, []);
}

fn a_record_over_the_limit_is_refused<P: Place>(place: &P) {
    let store = place.open();
    let lease = store.lease("m").unwrap();
    add(&*store, &lease, "one");
    let (small, large) = ((1 << 20) - 4096, 1 << 20);
    store
        .save(&lease, &record("one", "small", small), None)
        .unwrap();
    is(
        store.save(&lease, &record("one", "large", large), None),
        ErrorKind::InvalidRequest,
    );
    store.stage(&lease, &id("s")).unwrap();
    is(
        store.commit(&lease, &id("s"), &record("two", "large", large)),
        ErrorKind::InvalidRequest,
    );
    assert_eq!(sandbox_of(&*store, "one"), "small");
    assert_eq!(store.load(&id("two")).unwrap(), None);
}

macro_rules! laws {
    ($($law:ident)*) => {
        laws!(directory, super::Root, $($law)*);
        laws!(memory, super::MemoryStore, $($law)*);
    };
    ($module:ident, $place:ty, $($law:ident)*) => {
        mod $module {
            $(
                #[test]
                fn $law() {
                    super::$law(&<$place as super::Place>::new());
                }
            )*
        }
    };
}

laws! {
    a_record_is_replaced_only_at_the_expected_revision
    one_of_many_that_expect_the_same_revision_wins
    a_list_comes_in_pages
    a_lease_has_one_holder_and_a_larger_token_each_time
    nothing_is_changed_with_a_lease_that_another_one_replaced
    a_session_appears_and_disappears_with_its_files
    a_record_over_the_limit_is_refused
}
