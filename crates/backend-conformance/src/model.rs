//! The model test: random operations on two backends side by side must give the same outcomes.
//!
//! It compares what the contract fixes: results, error kinds and paths, and finally the whole trees. Times are not
//! compared, and of versions only that an old one never stands for a new content.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use backend_core::VirtualPath;

use crate::harness::{runtime, say};
use crate::{Subject, Workspace};

mod generate;
mod operation;
mod outcome;
mod pair;

use pair::Pair;

/// How many sequences a model test runs by default.
pub const DEFAULT_SEQUENCES: u32 = 256;

/// How a model test runs.
#[derive(Clone, Debug)]
pub struct Model {
    name: String,
    sequences: u32,
    operations: usize,
    fixed: Vec<VirtualPath>,
}

impl Model {
    /// Makes a test with a name for its summary, of [`DEFAULT_SEQUENCES`] sequences of up to 40 operations each.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            sequences: DEFAULT_SEQUENCES,
            operations: 40,
            fixed: Vec::new(),
        }
    }

    /// Sets how many sequences run. The environment variable `MODEL_SEQUENCES` overrides it.
    #[must_use]
    pub fn sequences(mut self, sequences: u32) -> Self {
        self.sequences = sequences;
        self
    }

    /// Names a directory of the root that exists from the start in both backends, and is neither deleted nor moved:
    /// a mount point in one of them.
    ///
    /// With one, no operation touches an ignore file in the root, whose rules do not reach into a mount.
    #[must_use]
    pub fn fixed(mut self, directory: VirtualPath) -> Self {
        self.fixed.push(directory);
        self
    }

    /// Sets how many operations a sequence has at most.
    #[must_use]
    pub fn operations(mut self, operations: usize) -> Self {
        self.operations = operations;
        self
    }

    /// Runs the sequences, each on two fresh backends, and prints how many there were.
    ///
    /// Sequences are drawn from a seed that is printed; the environment variable `MODEL_SEED` sets it.
    ///
    /// # Panics
    ///
    /// Panics with the shortest sequence found on which the backends differ.
    pub fn agree<A, FA, SA, B, FB, SB>(&self, left: A, right: B)
    where
        A: Fn() -> FA,
        FA: Future<Output = SA>,
        SA: Into<Subject>,
        B: Fn() -> FB,
        FB: Future<Output = SB>,
        SB: Into<Subject>,
    {
        let seed = from_environment("MODEL_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
        let sequences = from_environment("MODEL_SEQUENCES").unwrap_or(self.sequences);
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let config = Config {
            cases: sequences,
            failure_persistence: None,
            max_shrink_iters: 5000,
            ..Config::default()
        };
        let runtime = runtime();
        let mut totals = (0_u64, 0_u64, 0_u64);
        let tally = std::cell::RefCell::new(&mut totals);
        let outcome = TestRunner::new_with_rng(config, rng).run(
            &generate::sequence(self.operations),
            |operations| {
                let counted = runtime.block_on(async {
                    let left = Workspace::new(left().await.into());
                    let right = Workspace::new(right().await.into());
                    Pair::new(&left, &right, &self.fixed).run(&operations).await
                });
                let (done, succeeded) = counted.map_err(TestCaseError::fail)?;
                let mut tally = tally.borrow_mut();
                tally.0 += 1;
                tally.1 += done;
                tally.2 += succeeded;
                Ok(())
            },
        );
        let (sequences, done, succeeded) = totals;
        say(&format!(
            "model {}: {sequences} sequences agree, {done} operations, {succeeded} of them not refused, seed {seed}",
            self.name
        ));
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(reason, operations)) => {
                let steps = operations.iter().enumerate();
                let steps: Vec<String> = steps
                    .map(|(step, operation)| format!("{step:>3} {operation:?}"))
                    .collect();
                let steps = steps.join("\n");
                panic!(
                    "{}, seed {seed}, differ after\n{steps}\n{reason}",
                    self.name
                );
            }
            Err(other) => panic!("{}, seed {seed}: {other}", self.name),
        }
    }
}

fn from_environment<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) => panic!("{name} is not a number: {text}"),
    }
}
