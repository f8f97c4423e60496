//! The laws about files hold for the files of a sandbox, whatever its backend.

use backend_conformance::Subject;
use backend_fs::FsBackend;
use backend_state::StateBackend;
use sandbox_local::LocalSandbox;

backend_conformance::file_laws!(directory, || async {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    let backend = FsBackend::open(dir.path()).unwrap();
    Subject::new(LocalSandbox::without_isolation(backend, dir.path()).unwrap())
        .host_path(path.display().to_string())
        .links(move |at, text| std::os::unix::fs::symlink(text, path.join(at.relative())))
        .keep(dir)
});

backend_conformance::file_laws!(memory, || async {
    LocalSandbox::builder_without_isolation(StateBackend::new())
        .build()
        .unwrap()
});
