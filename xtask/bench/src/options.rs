//! The options of the command line, and where the peers are.

use std::path::PathBuf;

#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) name: String,
    /// Small inputs and few rounds: to show that it runs.
    pub(crate) quick: bool,
    /// Only the rows whose name contains this text.
    pub(crate) only: Option<String>,
    pub(crate) out: Option<PathBuf>,
    /// Where inputs are made: on the file system to measure.
    pub(crate) scratch: PathBuf,
    /// The tree to search. Without one, a small tree is made up.
    pub(crate) tree: Option<PathBuf>,
    pub(crate) rg: Option<PathBuf>,
    pub(crate) fd: Option<PathBuf>,
    /// The Python with the original installed.
    pub(crate) original: Option<PathBuf>,
    /// The script that drives the original.
    pub(crate) script: PathBuf,
    pub(crate) guest: Option<PathBuf>,
    /// Peers that are not available, and why.
    pub(crate) missing: Vec<String>,
    /// The pattern of a search that is run once, for its memory.
    pub(crate) pattern: String,
}

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Self {
        let mut options = Self {
            name: args.next().expect("missing the name of a benchmark"),
            scratch: std::env::temp_dir(),
            ..Self::default()
        };
        while let Some(arg) = args.next() {
            let mut next = || args.next().expect("missing the value of an option");
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--only" => options.only = Some(next()),
                "--out" => options.out = Some(next().into()),
                "--scratch" => options.scratch = next().into(),
                "--tree" => options.tree = Some(next().into()),
                "--rg" => options.rg = Some(next().into()),
                "--fd" => options.fd = Some(next().into()),
                "--original" => options.original = Some(next().into()),
                "--script" => options.script = next().into(),
                "--guest" => options.guest = Some(next().into()),
                "--missing" => options.missing.push(next()),
                "--pattern" => options.pattern = next(),
                other => panic!("unknown option '{other}'"),
            }
        }
        options
    }

    /// Returns whether a row is to be measured.
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.only.as_ref().is_none_or(|only| row.contains(only))
    }

    /// Returns how many rounds to measure: few of a slow operation.
    pub(crate) fn rounds(&self, full: usize) -> usize {
        if self.quick { 2 } else { full }
    }

    /// Returns a size, or a small one for a quick run.
    pub(crate) fn size(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}
