//! The laws of a provider, on the provider for tests: with everything declared, and with nothing.

use backend_conformance::{FakeProvider, ProviderSubject};
use backend_core::{Error, ProviderFeatures, Workspace};
use backend_fs::FsBackend;

fn subject(features: ProviderFeatures) -> ProviderSubject<FakeProvider<FsBackend>> {
    let (own, workspaces) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = own.path().to_owned();
    let provider = FakeProvider::new(move |spec| match &spec.workspace {
        Some(Workspace::HostDirectory(directory)) if directory.is_dir() => {
            FsBackend::open(directory)
        }
        Some(Workspace::HostDirectory(_)) => {
            Err(Error::invalid_request("the workspace is not a directory"))
        }
        _ => {
            let directory = tempfile::tempdir_in(&root).unwrap();
            FsBackend::open(directory.keep())
        }
    });
    ProviderSubject::new(provider.with_features(features))
        .workspaces(workspaces.path())
        .keep(own)
        .keep(workspaces)
}

fn everything() -> ProviderFeatures {
    let mut features = ProviderFeatures::none();
    features.suspends = true;
    features.workspace_moves = true;
    features.volumes = true;
    features
}

backend_conformance::provider_laws!(with_features, || async { Ok(subject(everything())) });
backend_conformance::provider_laws!(without, || async { Ok(subject(ProviderFeatures::none())) });
