//! `cargo xtask bench`: measures, against other tools where they are available.
//!
//! This program measures nothing itself, so that it stays light: each benchmark is a target of the crate that it measures.

mod docker;
mod docs;
mod inside;
mod micro;
mod peers;
mod sessions;

use crate::Result;
use crate::workspace::Workspace;

/// The options of the command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    only: Vec<String>,
    quick: bool,
    update_docs: bool,
}

/// A named benchmark.
struct Bench {
    name: &'static str,
    run: fn(&Workspace, &Options) -> Result<()>,
}

/// The name that only writes the last measurements into the document.
const DOCS: &str = "docs";

const BENCHES: &[Bench] = &[
    Bench {
        name: "files",
        run: |workspace, options| inside::run(workspace, options, "files"),
    },
    Bench {
        name: "state",
        run: |workspace, options| inside::run(workspace, options, "state"),
    },
    Bench {
        name: "composite",
        run: |workspace, options| inside::run(workspace, options, "composite"),
    },
    Bench {
        name: "wire",
        run: |workspace, options| inside::run(workspace, options, "wire"),
    },
    Bench {
        name: "micro",
        run: micro::run,
    },
    Bench {
        name: "docker",
        run: docker::run,
    },
    Bench {
        name: "sessions",
        run: sessions::run,
    },
];

impl Options {
    /// These, as quickly as it goes.
    pub(crate) fn quick(only: &[&str]) -> Self {
        Self {
            only: only.iter().map(|&name| name.to_owned()).collect(),
            quick: true,
            update_docs: false,
        }
    }

    pub(crate) fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self::default();
        for arg in args {
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--update-docs" => options.update_docs = true,
                DOCS => {
                    options.update_docs = true;
                    options.only.push(DOCS.to_owned());
                }
                "all" => options
                    .only
                    .extend(names().iter().map(|&name| name.to_owned())),
                name if names().contains(&name) => options.only.push(name.to_owned()),
                other => {
                    let names = names().join(", ");
                    return Err(format!(
                        "bench has no benchmark or option '{other}'; benchmarks: {names}, all; docs"
                    ));
                }
            }
        }
        if options.quick && options.update_docs {
            return Err(
                "the numbers of a quick run are meaningless and must not go into a document".into(),
            );
        }
        Ok(options)
    }
}

/// Returns the names that `bench` takes.
pub(crate) fn names() -> Vec<&'static str> {
    BENCHES.iter().map(|bench| bench.name).collect()
}

/// Runs the named benchmarks, or all.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let chosen = |bench: &&Bench| {
        options.only.is_empty() || options.only.iter().any(|name| name == bench.name)
    };
    for bench in BENCHES.iter().filter(chosen) {
        println!("\n==> bench {}", bench.name);
        (bench.run)(workspace, options).map_err(|e| format!("bench {}: {e}", bench.name))?;
    }
    if options.update_docs {
        docs::update(workspace)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Options, names};

    fn parse(args: &[&str]) -> crate::Result<Options> {
        Options::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn benchmarks_can_be_chosen_by_name() {
        let options = parse(&["--quick", "docker"]).unwrap();
        assert!(options.quick);
        assert_eq!(options.only, ["docker"]);
        assert_eq!(parse(&["all"]).unwrap().only, names());
        assert!(parse(&[]).unwrap().only.is_empty());
    }

    #[test]
    fn a_quick_run_changes_no_document() {
        assert!(parse(&["files", "--update-docs"]).unwrap().update_docs);
        assert!(parse(&["docs"]).unwrap().update_docs);
        assert!(parse(&["--quick", "--update-docs"]).is_err());
    }

    #[test]
    fn an_unknown_benchmark_is_rejected_with_the_known_names() {
        let error = parse(&["podman"]).unwrap_err();
        assert!(
            error.contains("'podman'") && error.contains("docker"),
            "{error}"
        );
    }
}
