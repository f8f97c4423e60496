//! The laws find faults: each backend here has a fault that a real backend has had, and a law rejects it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use backend_conformance::{Law, Model, law};
use backend_core::{
    Backend, BackendExt, Capabilities, Content, DeleteRequest, Deleted, EditRequest, Edited, Edits,
    Entry, Error, ErrorKind, GlobRequest, GrepRequest, Grepped, LsRequest, MadeDirectory,
    MkdirRequest, Page, ReadBytesRequest, ReadRequest, RenameRequest, Renamed, Result, StatRequest,
    TextPage, Version, VirtualPath, WriteMode, WriteRequest, Written,
};
use backend_state::StateBackend;

/// What is wrong with a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    CountsCharacters,
    DropsCarriageReturns,
    ListsInOrderOfWriting,
    CutsListingsSilently,
    TakesPrefixesByBytes,
    CreatesOverFiles,
    IgnoresVersions,
    HasOneVersionForAll,
    WritesInPlace,
    LosesEdits,
    EditsTheFirstMatch,
    EditsWhatItDecodedLossily,
    LeavesTemporaryFiles,
    RemovesEmptyParents,
    RenamesOverFiles,
    RenamesIntoItself,
    FindsHiddenFiles,
    FindsIgnoredFiles,
    FindsNothingInNothing,
    SwallowsBadPatterns,
    CountsLinesByUnicode,
    SaysNothingOfMoreLines,
    NamesTheHost,
    NamesAnotherPath,
    DeletesWithoutAsking,
    MakesFilesOfDirectories,
    DeletesTheRoot,
    ForgetsEmptyFiles,
    StopsABatchAtAFailure,
}

/// A state backend with a fault.
#[derive(Debug)]
struct Broken {
    fault: Fault,
    store: StateBackend,
}

impl Broken {
    fn new(fault: Fault) -> Self {
        Self {
            fault,
            store: StateBackend::new(),
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    async fn lossy_edit(&self, request: &EditRequest) -> Result<Edited> {
        let bytes = self.store.read_bytes(&request.path).await?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.store.write(&request.path, text).await?;
        self.store.edit_with(request).await
    }

    async fn edit_of_the_first(&self, request: &EditRequest) -> Result<Edited> {
        let Edits::Exact(replacements) = &request.edits else {
            return self.store.edit_with(request).await;
        };
        let bytes = self.store.read_bytes(&request.path).await?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let text = replacements
            .iter()
            .fold(text, |text, one| text.replacen(&one.old, &one.new, 1));
        let written = self.store.write(&request.path, text).await?;
        Ok(Edited::new(1, written.version, String::new(), false))
    }

    /// Reads, waits for a while, writes.
    async fn unlocked_edit(&self, request: &EditRequest) -> Result<Edited> {
        let bytes = self.store.read_bytes(&request.path).await?;
        let applied = backend_core::text::apply_edits(&request.path, &bytes, &request.edits)?;
        dawdle();
        let written = self.store.write(&request.path, applied.bytes).await?;
        Ok(Edited::new(
            applied.replacements,
            written.version,
            applied.diff,
            false,
        ))
    }
}

/// Lets other threads go first.
fn dawdle() {
    (0..200).for_each(|_| std::thread::yield_now());
}

fn same(mut entry: Entry) -> Entry {
    entry.version = entry.version.map(|_| Version::from_parts(&[1]));
    entry
}

#[async_trait]
impl Backend for Broken {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn stat_with(&self, request: &StatRequest) -> Result<Entry> {
        let mut entry = self.store.stat_with(request).await?;
        if self.has(Fault::HasOneVersionForAll) {
            entry = same(entry);
        }
        if self.has(Fault::ForgetsEmptyFiles) && entry.is_file() && entry.size == 0 {
            return Err(Error::not_found(&request.path));
        }
        if self.has(Fault::CountsCharacters) && entry.is_file() {
            let bytes = self.store.read_bytes(&request.path).await?;
            entry.size = String::from_utf8_lossy(&bytes).chars().count() as u64;
        }
        Ok(entry)
    }

    async fn ls_with(&self, request: &LsRequest) -> Result<Page<Entry>> {
        let mut page = self.store.ls_with(request).await?;
        if self.has(Fault::ListsInOrderOfWriting) {
            page.items.sort_by_key(|entry| entry.modified);
            page.items.reverse();
        }
        if self.has(Fault::CutsListingsSilently) {
            page.truncated = None;
        }
        if self.has(Fault::HasOneVersionForAll) {
            page.items = page.items.into_iter().map(same).collect();
        }
        Ok(page)
    }

    async fn read_with(&self, request: &ReadRequest) -> Result<TextPage> {
        let mut page = self.store.read_with(request).await?;
        if self.has(Fault::SaysNothingOfMoreLines) {
            (page.next_offset, page.ended_by) = (None, None);
        }
        if self.has(Fault::CountsLinesByUnicode) {
            let ends = page.text.matches(['\u{c}', '\u{2028}']).count() as u64;
            page.total_lines = page.total_lines.map(|total| total + ends);
        }
        Ok(page)
    }

    async fn read_bytes_with(&self, request: &ReadBytesRequest) -> Result<Content> {
        let result = self.store.read_bytes_with(request).await;
        if self.has(Fault::NamesTheHost) {
            return result.map_err(|error| match error.kind() {
                ErrorKind::IsADirectory => {
                    Error::permission_denied(&request.path, "Is a directory: '/srv/users/7/f'")
                }
                _ => error,
            });
        }
        if self.has(Fault::NamesAnotherPath) {
            return result.map_err(|error| error.map_path(|_| VirtualPath::root()));
        }
        let mut content = result?;
        if self.has(Fault::HasOneVersionForAll) {
            content.version = Version::from_parts(&[1]);
        }
        Ok(content)
    }

    async fn write_with(&self, request: &WriteRequest) -> Result<Written> {
        let mut request = request.clone();
        match (self.fault, request.mode) {
            (Fault::CreatesOverFiles, WriteMode::CreateNew)
            | (Fault::IgnoresVersions, WriteMode::IfVersion(_)) => {
                request.mode = WriteMode::Overwrite;
            }
            (Fault::MakesFilesOfDirectories, _) => {
                let tree = DeleteRequest::new(&request.path).recursive();
                let _ = self.store.delete_with(&tree).await;
            }
            (Fault::WritesInPlace, WriteMode::Overwrite) => {
                self.store.write(&request.path, "").await?;
                dawdle();
            }
            (Fault::LeavesTemporaryFiles, _) => {
                let temporary = VirtualPath::parse(format!("{}~", request.path))?;
                let _ = self.store.write(temporary, "").await;
            }
            (Fault::DropsCarriageReturns, _) => {
                let bytes = request.content.iter().copied();
                request.content = bytes.filter(|byte| *byte != b'\r').collect();
            }
            _ => {}
        }
        let mut written = self.store.write_with(&request).await?;
        if self.has(Fault::HasOneVersionForAll) {
            written.version = Version::from_parts(&[1]);
        }
        Ok(written)
    }

    async fn edit_with(&self, request: &EditRequest) -> Result<Edited> {
        match self.fault {
            Fault::EditsTheFirstMatch => self.edit_of_the_first(request).await,
            Fault::EditsWhatItDecodedLossily => self.lossy_edit(request).await,
            Fault::LosesEdits => self.unlocked_edit(request).await,
            Fault::HasOneVersionForAll => {
                let mut edited = self.store.edit_with(request).await?;
                edited.version = Version::from_parts(&[1]);
                Ok(edited)
            }
            _ => self.store.edit_with(request).await,
        }
    }

    async fn delete_with(&self, request: &DeleteRequest) -> Result<Deleted> {
        let mut request = request.clone();
        request.recursive |= self.has(Fault::DeletesWithoutAsking);
        if self.has(Fault::DeletesTheRoot) && request.path.is_root() {
            for entry in self.store.ls("/").await? {
                let tree = DeleteRequest::new(entry.path).recursive();
                self.store.delete_with(&tree).await?;
            }
            return Ok(Deleted::new(1));
        }
        let deleted = self.store.delete_with(&request).await?;
        if let (true, Some(parent)) = (self.has(Fault::RemovesEmptyParents), request.path.parent())
        {
            let _ = self.store.delete(&parent).await;
        }
        Ok(deleted)
    }

    async fn rename_with(&self, request: &RenameRequest) -> Result<Renamed> {
        let mut request = request.clone();
        if self.has(Fault::RenamesOverFiles) {
            request = request.overwrite();
        }
        if self.has(Fault::RenamesIntoItself) && request.to.starts_with(&request.from) {
            return Ok(Renamed::new(None));
        }
        self.store.rename_with(&request).await
    }

    async fn mkdir_with(&self, request: &MkdirRequest) -> Result<MadeDirectory> {
        self.store.mkdir_with(request).await
    }

    async fn glob_with(&self, request: &GlobRequest) -> Result<Page<Entry>> {
        let mut request = request.clone();
        request.hidden |= self.has(Fault::FindsHiddenFiles);
        request.ignored |= self.has(Fault::FindsIgnoredFiles);
        let mut page = self.store.glob_with(&request).await?;
        if self.has(Fault::TakesPrefixesByBytes) && !request.path.is_root() {
            let whole = GlobRequest::new("**");
            page = self.store.glob_with(&whole).await?;
            let prefix = request.path.as_str();
            page.items
                .retain(|entry| entry.path.as_str().starts_with(prefix));
        }
        Ok(page)
    }

    async fn grep_with(&self, request: &GrepRequest) -> Result<Grepped> {
        let result = self.store.grep_with(request).await;
        let kind = result.as_ref().err().map(Error::kind);
        match (self.fault, kind) {
            (Fault::FindsNothingInNothing, Some(ErrorKind::NotFound))
            | (Fault::SwallowsBadPatterns, Some(ErrorKind::InvalidPattern)) => {
                Ok(Grepped::default())
            }
            _ => result,
        }
    }

    async fn write_many_with(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        let mut outcomes = Vec::new();
        for request in requests {
            let outcome = self.write_with(request).await;
            let failed = outcome.is_err();
            outcomes.push(outcome);
            if failed && self.has(Fault::StopsABatchAtAFailure) {
                break;
            }
        }
        outcomes
    }
}

/// Returns whether the law holds for a backend with this fault.
fn holds(law: &Law, fault: Fault) -> bool {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let check = AssertUnwindSafe(|| runtime.block_on(law.check(Broken::new(fault))));
    std::panic::catch_unwind(check).is_ok()
}

#[test]
fn each_fault_breaks_the_law_against_it() {
    let faults = [
        (Fault::CountsCharacters, "L5"),
        (Fault::DropsCarriageReturns, "W1"),
        (Fault::ListsInOrderOfWriting, "L2"),
        (Fault::CutsListingsSilently, "L9"),
        (Fault::TakesPrefixesByBytes, "P5"),
        (Fault::CreatesOverFiles, "W5"),
        (Fault::IgnoresVersions, "W6"),
        (Fault::HasOneVersionForAll, "V3"),
        (Fault::WritesInPlace, "C3"),
        (Fault::LosesEdits, "C1"),
        (Fault::EditsTheFirstMatch, "U2"),
        (Fault::EditsWhatItDecodedLossily, "U9"),
        (Fault::LeavesTemporaryFiles, "W12"),
        (Fault::RemovesEmptyParents, "D9"),
        (Fault::RenamesOverFiles, "N7"),
        (Fault::RenamesIntoItself, "N6"),
        (Fault::FindsHiddenFiles, "S1"),
        (Fault::FindsIgnoredFiles, "S5"),
        (Fault::FindsNothingInNothing, "J6"),
        (Fault::SwallowsBadPatterns, "F16"),
        (Fault::CountsLinesByUnicode, "T1"),
        (Fault::SaysNothingOfMoreLines, "R2"),
        (Fault::NamesAnotherPath, "P11"),
        (Fault::DeletesWithoutAsking, "D4"),
        (Fault::MakesFilesOfDirectories, "W8"),
        (Fault::DeletesTheRoot, "D6"),
        (Fault::ForgetsEmptyFiles, "L6"),
        (Fault::StopsABatchAtAFailure, "Q2"),
    ];
    let unseen: Vec<_> = faults
        .into_iter()
        .filter(|(fault, id)| holds(law(id).unwrap(), *fault))
        .collect();
    assert!(unseen.is_empty(), "laws that miss the fault: {unseen:?}");
}

#[test]
fn a_host_path_in_a_message_is_found() {
    let law = law("X2").unwrap();
    let subject = |host: &str| {
        backend_conformance::Subject::new(Broken::new(Fault::NamesTheHost)).host_path(host)
    };
    let check = |host: &str| {
        let subject = subject(host);
        let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(law.check(subject)))).is_ok()
    };
    assert!(!check("/srv/users"));
    assert!(check("/another/place"));
}

#[test]
fn the_model_finds_differences() {
    for fault in [
        Fault::DropsCarriageReturns,
        Fault::RemovesEmptyParents,
        Fault::RenamesOverFiles,
    ] {
        let compare = || {
            Model::new(format!("state and one that {fault:?}"))
                .sequences(3000)
                .agree(
                    || async { StateBackend::new() },
                    move || async move { Broken::new(fault) },
                );
        };
        let shown = std::panic::catch_unwind(compare).expect_err("they differ");
        let shown = shown.downcast_ref::<String>().expect("a message");
        assert!(shown.contains("differ after"), "{shown}");
        let numbered = |line: &&str| {
            line.trim()
                .starts_with(|first: char| first.is_ascii_digit())
        };
        let steps = shown.lines().filter(numbered).count();
        assert!(steps < 12, "shrunk to a few steps: {shown}");
    }
}

#[test]
fn a_correct_backend_breaks_no_law() {
    let shared: Arc<dyn Backend> = Arc::new(StateBackend::new());
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    runtime.block_on(law("W1").unwrap().check(shared));
}
