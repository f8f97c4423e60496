//! A tour of a workspace: a real directory, read-only, next to an empty scratch area in memory.
//!
//! `cargo run --release --example quickstart [DIRECTORY]`; the default is this checkout. It writes nothing there, and
//! needs neither Docker nor a network.

mod show;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use backend_composite::CompositeBackend;
use backend_core::{
    Backend, BackendExt, EditRequest, ErrorKind, GlobRequest, GrepMatch, GrepOutput, GrepRequest,
    LsRequest, ReadRequest, Result, VirtualPath,
};
use backend_fs::FsBackend;
use backend_state::StateBackend;

use show::Show;

/// The pattern to search for: words that any sizeable project contains.
const PATTERN: &str = r"\b(todo|fixme|error|warning|license)\b";

#[tokio::main]
async fn main() -> ExitCode {
    let directory = std::env::args_os().nth(1).map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")),
        PathBuf::from,
    );
    let show = Show::new();
    match tour(directory, &show).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show.failure(&error);
            ExitCode::FAILURE
        }
    }
}

async fn tour(directory: PathBuf, show: &Show) -> Result<()> {
    let project = FsBackend::builder(&directory).read_only().build()?;
    let workspace = CompositeBackend::builder(Arc::new(StateBackend::new()))
        .mount("/project", Arc::new(project))
        .build()?;

    show.title("A workspace of two backends");
    show.note("/project   a directory of yours, read-only");
    show.note("/          everything else, in memory, discarded when this program ends");

    look_around(&workspace, show).await?;
    let found = search(&workspace, show).await?;
    let page = read(&workspace, found.as_ref(), show).await?;
    write_and_edit(&workspace, page, show).await?;
    refusals(&workspace, show).await;
    Ok(())
}

async fn look_around(workspace: &dyn Backend, show: &Show) -> Result<()> {
    show.step("ls", "/project");
    let request = LsRequest::new(VirtualPath::parse("/project")?).limit(12);
    let page = show.timed(workspace.ls_with(&request)).await?;
    show.entries(&page);

    show.step("glob", "**/* in /project, by ending");
    let request = GlobRequest::new("**/*")
        .path(VirtualPath::parse("/project")?)
        .limit(100_000);
    let page = show.timed(workspace.glob_with(&request)).await?;
    show.endings(&page);
    Ok(())
}

async fn search(workspace: &dyn Backend, show: &Show) -> Result<Option<GrepMatch>> {
    show.step("grep", &format!("-i '{PATTERN}' in /project"));
    let request = GrepRequest::new(PATTERN)
        .case(backend_core::Case::Insensitive)
        .path(VirtualPath::parse("/project")?);
    let counts = request.clone().output(GrepOutput::Counts).limit(1_000_000);
    let totals = show.timed(workspace.grep_with(&counts)).await?;
    show.totals(&totals);
    let hits = workspace.grep_with(&request.limit(4)).await?;
    show.matches(&hits);
    // A file in another encoding is searched, but not read as text.
    Ok(hits.matches.into_iter().find(|hit| !hit.lossy))
}

/// Reads a few lines around the first match, or the first lines of any file if nothing matched.
async fn read(
    workspace: &dyn Backend,
    found: Option<&GrepMatch>,
    show: &Show,
) -> Result<Option<String>> {
    let request = match found {
        Some(found) => ReadRequest::new(&found.path)
            .offset(found.line.saturating_sub(4))
            .limit(7),
        None => {
            let files = workspace.glob("project/**/*").await?;
            let Some(file) = files.items.first() else {
                return Ok(None);
            };
            ReadRequest::new(&file.path).limit(7)
        }
    };
    show.step(
        "read",
        &format!("{} from line {}", request.path, request.offset + 1),
    );
    match show.timed(workspace.read_with(&request)).await {
        Ok(page) => {
            show.page(&page);
            Ok(Some(page.text))
        }
        Err(error) if error.kind() == ErrorKind::NotText => {
            show.refused::<()>(Err(error));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn write_and_edit(
    workspace: &dyn Backend,
    excerpt: Option<String>,
    show: &Show,
) -> Result<()> {
    let notes = VirtualPath::parse("/notes/finding.md")?;
    let text = format!(
        "# Finding\n\nStatus: open\n\n{}",
        excerpt.unwrap_or_default()
    );

    show.step("write", notes.as_str());
    let written = show.timed(workspace.write(&notes, &text)).await?;
    show.note(&format!(
        "{} bytes, version {}",
        written.size, written.version
    ));

    show.step("edit", &format!("{notes}: Status: open → Status: fixed"));
    let edit = EditRequest::new(&notes, "Status: open", "Status: fixed").expect(written.version);
    let edited = show.timed(workspace.edit_with(&edit)).await?;
    show.diff(&edited.diff);

    show.step("stale", "the same edit again, on the old version");
    show.refused(workspace.edit_with(&edit).await);

    show.step("near", "an edit whose text is almost in the file");
    show.refused(
        workspace
            .edit(&notes, "status: Fixed", "Status: closed")
            .await,
    );
    Ok(())
}

async fn refusals(workspace: &dyn Backend, show: &Show) {
    show.step("escape", "read /project/../../etc/passwd");
    show.refused(workspace.read("/project/../../etc/passwd").await);

    #[cfg(unix)]
    if let Some((trap, _directory)) = symlink_trap() {
        show.step(
            "escape",
            "a directory with a link: passwd -> /etc/passwd; read it",
        );
        show.refused(trap.read("/passwd").await);
    }

    show.step("read-only", "write /project/owned.txt");
    show.refused(workspace.write("/project/owned.txt", "mine").await);
    show.end();
}

/// A separate directory with a link that leads out of it.
#[cfg(unix)]
fn symlink_trap() -> Option<(FsBackend, tempfile::TempDir)> {
    let directory = tempfile::tempdir().ok()?;
    std::os::unix::fs::symlink("/etc/passwd", directory.path().join("passwd")).ok()?;
    Some((FsBackend::open(directory.path()).ok()?, directory))
}
