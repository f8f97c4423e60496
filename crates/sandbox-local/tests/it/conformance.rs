//! The laws about commands, and the laws about files on the files of a sandbox, for several
//! backends.

use backend_conformance::Subject;
use backend_core::VirtualPath;
use backend_fs::FsBackend;
use backend_state::StateBackend;
use sandbox_local::LocalSandbox;

fn directory() -> Subject {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    let backend = FsBackend::open(dir.path()).unwrap();
    Subject::sandbox(LocalSandbox::without_isolation(backend, dir.path()).unwrap())
        .host_path(path.display().to_string())
        .keep(dir)
}

fn memory() -> Subject {
    let builder = LocalSandbox::builder_without_isolation(StateBackend::new());
    Subject::sandbox(builder.build().unwrap()).files_apart()
}

/// The whole file system, with a directory in it for the laws, as in a container.
fn everything() -> Subject {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    let sandbox = LocalSandbox::without_isolation(FsBackend::open("/").unwrap(), "/").unwrap();
    Subject::sandbox(sandbox)
        .directory(VirtualPath::parse(path.to_str().unwrap()).unwrap())
        .one_root()
        .keep(dir)
}

backend_conformance::file_laws!(directory_files, || async { directory() });
backend_conformance::file_laws!(everything_files, || async { everything() });
backend_conformance::file_laws!(memory_files, || async { memory() });
backend_conformance::sandbox_laws!(in_directory, || async { directory() });
backend_conformance::sandbox_laws!(beside_memory, || async { memory() });
backend_conformance::sandbox_laws!(in_everything, || async { everything().boxed() });
