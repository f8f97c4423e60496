//! The runtimes that come with the library. Their names and packages are those of the Python original.

use crate::runtime::{DEFAULT_WORK_DIR, PackageManager, PackageSet, RuntimeImage};
use crate::{RuntimeConfig, VirtualPath};

const PYTHON: &str = "python:3.12-slim";
const NODE: &str = "node:20-slim";

pub(super) fn all() -> Vec<RuntimeConfig> {
    let ready = |image: &str| RuntimeImage::Ready(image.to_owned());
    let on = |image: &str| RuntimeImage::BuiltOn(image.to_owned());
    let pip = |names: &[&str]| packages(PackageManager::Pip, names);
    let npm = |names: &[&str]| packages(PackageManager::Npm, names);
    vec![
        runtime(
            "node-minimal",
            "Node.js 20, nothing else",
            ready(NODE),
            Vec::new(),
        ),
        runtime(
            "node-react",
            "Node.js 20 with TypeScript, Vite and React",
            on(NODE),
            npm(&["typescript", "vite", "react", "react-dom", "@types/react"]),
        ),
        runtime(
            "python-datascience",
            "Python 3.12 with pandas, numpy, matplotlib, scikit-learn and seaborn",
            on(PYTHON),
            pip(&["pandas", "numpy", "matplotlib", "scikit-learn", "seaborn"]),
        ),
        runtime(
            "python-minimal",
            "Python 3.12, nothing else",
            ready(PYTHON),
            Vec::new(),
        ),
        runtime(
            "python-web",
            "Python 3.12 with FastAPI, Uvicorn, SQLAlchemy and httpx",
            on(PYTHON),
            pip(&["fastapi", "uvicorn", "sqlalchemy", "httpx"]),
        ),
    ]
}

/// The fields are constants; a test validates each like outside input.
fn runtime(
    name: &str,
    description: &str,
    image: RuntimeImage,
    packages: Vec<PackageSet>,
) -> RuntimeConfig {
    RuntimeConfig {
        name: name.to_owned(),
        description: description.to_owned(),
        image,
        packages,
        setup: Vec::new(),
        env: std::collections::BTreeMap::new(),
        work_dir: VirtualPath::parse(DEFAULT_WORK_DIR).unwrap_or_default(),
        cache: true,
        user: None,
    }
}

fn packages(manager: PackageManager, names: &[&str]) -> Vec<PackageSet> {
    vec![PackageSet {
        manager,
        names: names.iter().map(|&name| name.to_owned()).collect(),
    }]
}
