//! Writing, damaging and locking records.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use backend_core::{ErrorKind, SandboxId};

use super::write::FLUSHED;
use super::{Flush, Record, Store};
use crate::entry::Profile;

fn id(text: &str) -> SandboxId {
    SandboxId::parse(text).unwrap()
}

fn record(name: &str) -> Record {
    let profile = Profile {
        tenant: Some("acme".to_owned()),
        runtime: None,
        env: [("A".to_owned(), "1".to_owned())].into(),
        labels: [].into(),
        idle_timeout: Some(Duration::from_secs(5)),
        created: SystemTime::UNIX_EPOCH + Duration::from_secs(9),
    };
    Record::new(&id(name), &profile, SystemTime::UNIX_EPOCH)
}

/// Opens a root with one session in it, and returns the directory of the session.
fn with_session(root: &Path) -> (Store, PathBuf) {
    let store = Store::directory(root, Flush::Name, "m").unwrap();
    store.stage(&id("sandbox")).unwrap();
    store.commit(&id("sandbox"), &record("one")).unwrap();
    (store, root.join("one"))
}

#[test]
fn a_session_is_stored_and_found_only_for_its_owner() {
    let here = tempfile::tempdir().unwrap();
    let (store, directory) = with_session(here.path());
    let mut stored = store.load(&id("one")).unwrap().unwrap();
    assert!(stored.directory.take().is_some(), "it has its directory");
    assert_eq!(stored, record("one"));
    assert_eq!(store.load(&id("two")).unwrap(), None);
    assert_eq!(store.ids().unwrap(), [id("one")]);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory.clone()), 0o700);
    assert_eq!(mode(directory.join("session.json")), 0o600);
    assert_eq!(mode(directory.join("workspace")), 0o777);
}

#[test]
fn a_root_has_one_owner() {
    let here = tempfile::tempdir().unwrap();
    let store = Store::directory(here.path(), Flush::Content, "m").unwrap();
    let error = Store::directory(here.path(), Flush::Content, "m").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    store.unlock();
    assert!(Store::directory(here.path(), Flush::Content, "m").is_ok());
}

#[test]
fn the_token_of_a_root_is_written_before_anything_else_and_never_guessed() {
    let here = tempfile::tempdir().unwrap();
    let path = here.path().join(".token");
    for number in ["1", "2"] {
        let store = Store::directory(here.path(), Flush::Name, "m").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), number);
        assert_eq!(store.ids().unwrap(), []);
        // A manager that ends without a word.
        drop(store);
    }
    for damaged in [
        "",
        "x",
        "-1",
        "99999999999999999999",
        "18446744073709551615",
    ] {
        fs::write(&path, damaged).unwrap();
        let error = Store::directory(here.path(), Flush::Name, "m").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    }
    fs::write(&path, "7\n").unwrap();
    Store::directory(here.path(), Flush::Name, "m").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "8");
}

#[test]
fn an_invalid_record_is_an_error_and_stays() {
    let here = tempfile::tempdir().unwrap();
    let (store, directory) = with_session(here.path());
    let path = directory.join("session.json");
    let whole = fs::read(&path).unwrap();
    let newer = String::from_utf8(whole.clone())
        .unwrap()
        .replace("\"version\": 2", "\"version\": 3");
    let other = String::from_utf8(whole.clone())
        .unwrap()
        .replace("\"one\"", "\"two\"");
    let unknown = String::from_utf8(whole.clone())
        .unwrap()
        .replace("\"env\"", "\"secret\"");
    for (text, why) in [
        (&b""[..], "it is damaged (it ends too early"),
        (b"{}", "it is damaged (a field is missing"),
        (b"\0\0\0\0", "it is damaged (it is not JSON"),
        (
            &whole[..whole.len() / 2],
            "it is damaged (it ends too early",
        ),
        (newer.as_bytes(), "written by a newer version"),
        (other.as_bytes(), "it is the record of another session"),
        (unknown.as_bytes(), "it is damaged (a field is"),
        (&vec![b' '; 2 << 20], "cannot be read: it is too large"),
    ] {
        fs::write(&path, text).unwrap();
        let error = store.load(&id("one")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.to_string().contains(why), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        let may_purge = error.to_string().contains("or purge the session");
        assert_eq!(may_purge, why.contains("damaged"), "{error}");
        assert!(!error.to_string().contains(here.path().to_str().unwrap()));
        assert_eq!(fs::read(&path).unwrap(), text);
    }
    fs::remove_file(&path).unwrap();
    assert!(store.load(&id("one")).is_err());
    fs::create_dir(&path).unwrap();
    let error = store.load(&id("one")).unwrap_err().to_string();
    assert!(error.contains("it is not a regular file"), "{error}");
    fs::remove_dir(&path).unwrap();
    symlink("/etc/hostname", &path).unwrap();
    assert!(store.load(&id("one")).is_err());
    assert_eq!(store.ids().unwrap(), [id("one")]);
}

#[test]
fn a_record_that_could_not_be_read_again_is_not_written() {
    let here = tempfile::tempdir().unwrap();
    let (store, _) = with_session(here.path());
    let with_variable = |name, bytes| {
        let mut profile = record(name).profile();
        profile.env.insert("A".to_owned(), "x".repeat(bytes));
        Record::new(&id(name), &profile, SystemTime::UNIX_EPOCH)
    };
    store.save(&with_variable("one", (1 << 20) - 4096)).unwrap();
    let before = store.load(&id("one")).unwrap();
    let error = store.save(&with_variable("one", 1 << 20)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!(store.load(&id("one")).unwrap(), before);
    store.stage(&id("other")).unwrap();
    let error = store.commit(&id("other"), &with_variable("two", 1 << 20));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidRequest);
    assert_eq!(store.ids().unwrap(), [id("one")]);
}

#[test]
fn a_file_is_flushed_before_it_gets_its_name() {
    for (flush, files) in [(Flush::Nothing, 0), (Flush::Content, 6), (Flush::Name, 6)] {
        let here = tempfile::tempdir().unwrap();
        let before = FLUSHED.get();
        let store = Store::directory(here.path(), flush, "m").unwrap();
        // The token, the name and the identity, two records and a date.
        store.name(None, "name".to_owned()).unwrap();
        store.stage(&id("sandbox")).unwrap();
        store.commit(&id("sandbox"), &record("one")).unwrap();
        store.save(&record("one")).unwrap();
        store.see(SystemTime::now()).unwrap();
        assert_eq!(FLUSHED.get() - before, files, "{flush:?}");
    }
}

#[test]
fn a_discarded_session_is_gone_whatever_an_agent_created() {
    let here = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("kept"), "x").unwrap();
    let (store, directory) = with_session(here.path());
    let workspace = directory.join("workspace");
    symlink(outside.path(), workspace.join("link")).unwrap();
    let locked = workspace.join("locked");
    fs::create_dir_all(locked.join("in")).unwrap();
    fs::write(locked.join("in/file"), "x").unwrap();
    fs::set_permissions(locked.join("in"), PermissionsExt::from_mode(0o0)).unwrap();
    fs::set_permissions(&locked, PermissionsExt::from_mode(0o500)).unwrap();
    // Deeper than a path or recursion allows.
    let deep = rustix::fs::open(
        &workspace,
        rustix::fs::OFlags::DIRECTORY,
        rustix::fs::Mode::empty(),
    );
    let mut at = deep.unwrap();
    for _ in 0..6_000 {
        rustix::fs::mkdirat(&at, "d", 0o755.into()).unwrap();
        at = rustix::fs::openat(&at, "d", rustix::fs::OFlags::DIRECTORY, 0.into()).unwrap();
    }
    for number in 0..3000 {
        fs::write(workspace.join(format!("f{number}")), "").unwrap();
    }
    store.discard(&id("one")).unwrap();
    assert_eq!(store.load(&id("one")).unwrap(), None);
    assert_eq!(fs::read_dir(here.path().join(".trash")).unwrap().count(), 0);
    assert!(outside.path().join("kept").exists());
    store.discard(&id("one")).unwrap();
}

#[test]
fn remains_of_a_crash_are_cleared() {
    let here = tempfile::tempdir().unwrap();
    let (store, directory) = with_session(here.path());
    store.stage(&id("other")).unwrap();
    fs::create_dir_all(here.path().join(".trash/1-1/a/b")).unwrap();
    fs::write(directory.join(".session.json.new"), "half").unwrap();
    store.clear_staging().unwrap();
    store.empty_trash().unwrap();
    store.save(&record("one")).unwrap();
    assert_eq!(
        fs::read_dir(here.path().join(".staging")).unwrap().count(),
        0
    );
    assert_eq!(fs::read_dir(here.path().join(".trash")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
}

#[test]
fn removing_or_replacing_the_lock_file_does_not_let_a_second_manager_in() {
    let here = tempfile::tempdir().unwrap();
    let mark = "m";
    let store = Store::directory(here.path(), Flush::Content, mark).unwrap();
    fs::remove_file(here.path().join(".lock")).unwrap();
    assert!(Store::directory(here.path(), Flush::Content, mark).is_err());
    fs::write(here.path().join(".lock"), "").unwrap();
    assert!(Store::directory(here.path(), Flush::Content, mark).is_err());
    let view = super::View::open(here.path()).unwrap();
    assert!(view.is_owned().unwrap());
    store.unlock();
    assert!(!view.is_owned().unwrap());
}

#[test]
fn nothing_is_written_to_a_directory_that_replaced_the_root() {
    let here = tempfile::tempdir().unwrap();
    let root = here.path().join("root");
    let (store, _) = with_session(&root);
    fs::rename(&root, here.path().join("moved")).unwrap();
    fs::create_dir_all(root.join("one")).unwrap();
    let error = store.save(&record("one")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!root.join("one/session.json").exists());
}

#[test]
fn a_record_in_another_directory_does_not_name_a_sandbox() {
    let here = tempfile::tempdir().unwrap();
    let (store, directory) = with_session(here.path());
    let mut named = record("one");
    named.sandbox = Some(id("sandbox"));
    store.save(&named).unwrap();
    let copy = here.path().join("two");
    fs::create_dir(&copy).unwrap();
    let text = fs::read_to_string(directory.join("session.json")).unwrap();
    let text = text.replace("\"one\"", "\"two\"");
    fs::write(copy.join("session.json"), text).unwrap();
    let copied = store.load(&id("two")).unwrap().unwrap();
    assert!(copied.copied && copied.sandbox.is_none());
    let original = store.load(&id("one")).unwrap().unwrap();
    assert!(!original.copied && original.sandbox.is_some());
}

#[test]
fn a_record_of_the_first_version_is_read() {
    let here = tempfile::tempdir().unwrap();
    let (store, directory) = with_session(here.path());
    let text = r#"{"version": 1, "id": "one", "created_ms": 1, "used_ms": 2, "sandbox": "s", "resting": true}"#;
    fs::write(directory.join("session.json"), text).unwrap();
    let record = store.load(&id("one")).unwrap().unwrap();
    assert!(record.resting && record.sandbox == Some(id("s")) && !record.copied);
}
