//! Building an image: one build at a time, and a second attempt if the engine failed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backend_core::{Error, Result};
use bollard::body_full;
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder};
use futures_util::{FutureExt as _, StreamExt as _};

use super::log::{Tail, last_lines};
use super::recipe::Recipe;
use super::single_flight::{self, Events};
use super::{BuildFailure, ImageProgress, Report, lock, prune, tag};
use crate::engine::{self, LONG, SHORT};
use crate::{Engine, digest, labels};

/// Delay before a build starts again. The engine often fails because of its own removal of a container.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Makes sure that the image of a recipe exists, and returns its name.
pub(super) async fn ensure(
    engine: &Engine,
    recipe: Recipe,
    report: Option<&Report<'_>>,
) -> Result<String> {
    let recipe_digest = recipe.digest();
    let name = recipe.tag();
    if !recipe.cache {
        return build_unique(engine, &recipe, &recipe_digest, report).await;
    }
    if is_there(engine, &name, &recipe_digest).await? {
        return Ok(name);
    }
    // Engines on one machine may have the same identity. Their builds then wait for each other, but do not use each other's
    // image.
    let lock = digest::short(format!("{}\n{name}", identity(engine).await?).as_bytes());
    let key = format!("{}\n{name}", engine.address());
    let engine = engine.clone();
    single_flight::join(key, report, |events| {
        async move {
            let waiting = || {
                let _ = events.send(ImageProgress::Waiting);
            };
            let lock = lock::acquire(&lock, waiting).await;
            // The previous holder of the lock may have built it.
            if !is_there(&engine, &name, &recipe_digest).await? {
                let labels = image_labels(&recipe, &recipe_digest, "yes");
                build(&engine, &recipe, &name, &labels, &events).await?;
            }
            drop(lock);
            Ok(name)
        }
        .boxed()
    })
    .await
}

/// Builds an image that is not reused, and removes earlier ones that are no longer used.
async fn build_unique(
    engine: &Engine,
    recipe: &Recipe,
    recipe_digest: &str,
    report: Option<&Report<'_>>,
) -> Result<String> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    prune::unused(engine, &recipe.runtime).await?;
    let labels = image_labels(recipe, recipe_digest, "no");
    let mut owner: Vec<_> = labels.iter().collect();
    owner.sort_unstable();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let number: String = digest::short(format!("{owner:?} {count}").as_bytes());
    let name = tag::unique(
        &recipe.runtime,
        recipe_digest,
        number.get(..12).unwrap_or(&number),
    );
    let engine = engine.clone();
    let recipe = recipe.clone();
    let key = name.clone();
    single_flight::join(key, report, |events| {
        async move {
            build(&engine, &recipe, &name, &labels, &events).await?;
            Ok(name)
        }
        .boxed()
    })
    .await
}

/// Returns the labels of an image: its kind, and the process that built it.
fn image_labels(recipe: &Recipe, recipe_digest: &str, keep: &str) -> HashMap<String, String> {
    let mut labels = labels::of(tag::RUNTIME_IMAGE);
    labels.insert(tag::RUNTIME.to_owned(), recipe.runtime.clone());
    labels.insert(tag::RECIPE.to_owned(), recipe_digest.to_owned());
    labels.insert(tag::KEEP.to_owned(), keep.to_owned());
    labels
}

/// Returns whether the engine has the image under this name, built from this recipe.
async fn is_there(engine: &Engine, name: &str, recipe_digest: &str) -> Result<bool> {
    let what = "looking for an image";
    let call = engine.docker().inspect_image(name);
    match engine.try_call(what, SHORT, call).await? {
        Ok(image) => {
            let labels = image
                .config
                .and_then(|config| config.labels)
                .unwrap_or_default();
            Ok(labels
                .get(tag::RECIPE)
                .is_some_and(|recipe| recipe == recipe_digest))
        }
        Err(error) if engine::gone(&error) => Ok(false),
        Err(error) => Err(engine::failure(what, error)),
    }
}

/// Returns the identity of this engine, independent of the address it is reached at.
async fn identity(engine: &Engine) -> Result<String> {
    let info = engine
        .call(
            "asking the engine for its identity",
            LONG,
            engine.docker().info(),
        )
        .await?;
    Ok(info
        .id
        .filter(|id| !id.is_empty())
        .or(info.name)
        .unwrap_or_default())
}

async fn build(
    engine: &Engine,
    recipe: &Recipe,
    name: &str,
    labels: &HashMap<String, String>,
    events: &Events,
) -> Result<()> {
    let limit = recipe.options.timeout;
    // Outside the timed future, because it is needed for the timeout message.
    let mut steps = Steps::new(recipe.titles());
    let attempts = async {
        let first = attempt(engine, recipe, name, labels, events, &mut steps).await;
        match first {
            Err(Problem::Engine(failure)) => {
                tracing::debug!(image = name, %failure, "the engine failed at a build");
                let _ = events.send(ImageProgress::Retry);
                tokio::time::sleep(RETRY_DELAY).await;
                steps = Steps::new(recipe.titles());
                attempt(engine, recipe, name, labels, events, &mut steps).await
            }
            outcome => outcome,
        }
    };
    let outcome = tokio::time::timeout(limit, attempts).await;
    match outcome.map_err(|_| Error::TimedOut {
        what: format!(
            "building the image of runtime '{}'{}",
            recipe.runtime,
            steps.reached()
        ),
        after: limit,
    })? {
        Ok(()) => {
            tracing::debug!(image = name, "an image is built");
            let image = name.to_owned();
            let _ = events.send(ImageProgress::Built { image });
            Ok(())
        }
        Err(Problem::Step(failure) | Problem::Engine(failure)) => {
            Err(failure.into_error(&recipe.runtime))
        }
        Err(Problem::Other(error)) => Err(error),
    }
}

/// Why a build did not finish.
enum Problem {
    /// A command failed, and would fail again.
    Step(BuildFailure),
    /// The engine failed during the build.
    Engine(BuildFailure),
    /// The engine is gone, or refused the build.
    Other(Error),
}

async fn attempt(
    engine: &Engine,
    recipe: &Recipe,
    name: &str,
    labels: &HashMap<String, String>,
    events: &Events,
    steps: &mut Steps<'_>,
) -> std::result::Result<(), Problem> {
    let context = recipe.context().map_err(Problem::Other)?;
    let options = options(recipe, name, labels);
    let mut stream = engine
        .docker()
        .build_image(options, None, Some(body_full(context)));
    // Read to the end of the stream: failures are reported in it, and dropping it ends the build.
    while let Some(item) = stream.next().await {
        match item {
            Ok(info) => {
                if let Some(event) = info.stream.and_then(|text| steps.read(&text)) {
                    let _ = events.send(event);
                }
            }
            Err(error) => return Err(steps.problem(error)),
        }
    }
    Ok(())
}

fn options(recipe: &Recipe, name: &str, labels: &HashMap<String, String>) -> BuildImageOptions {
    let args: HashMap<String, String> = recipe.options.args.clone().into_iter().collect();
    let options = BuildImageOptionsBuilder::default()
        .dockerfile("Dockerfile")
        .t(name)
        .nocache(!recipe.cache)
        .rm(true)
        .forcerm(true)
        .labels(labels)
        .buildargs(&args);
    match &recipe.options.network {
        Some(network) => options.networkmode(network).build(),
        None => options.build(),
    }
}

/// The progress of a build, from the engine's output.
struct Steps<'a> {
    titles: &'a [String],
    number: usize,
    log: Tail,
}

impl<'a> Steps<'a> {
    fn new(titles: &'a [String]) -> Self {
        Self {
            titles,
            number: 0,
            log: Tail::default(),
        }
    }

    /// Reads the engine's output, and returns the progress to report.
    fn read(&mut self, text: &str) -> Option<ImageProgress> {
        if self.begins_step(text) {
            self.number += 1;
            self.log.clear();
            // The engine adds a step for the labels, which is not reported.
            let title = self.titles.get(self.number - 1)?.clone();
            let (number, of) = (self.number, self.titles.len());
            return Some(ImageProgress::Step { number, of, title });
        }
        // After the last step the engine reports what it has built.
        let over = self.number > self.titles.len();
        let chatter = [" ---> ", "Removing intermediate container "];
        if over || chatter.iter().any(|chatter| text.starts_with(chatter)) {
            return None;
        }
        // The engine colours the output from stderr.
        let text = text.replace("\u{1b}[91m", "").replace("\u{1b}[0m", "");
        if text.is_empty() || (text == "\n" && self.log.text().is_empty()) {
            return None;
        }
        self.log.push(&text);
        Some(ImageProgress::Output(text))
    }

    /// Whether this is `Step 2/5 : ...` for the expected step. A command may print a similar line for another one.
    fn begins_step(&self, text: &str) -> bool {
        let due = (self.number + 1).to_string();
        text.strip_prefix("Step ")
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(|(number, rest)| number == due && rest.contains(" : "))
    }

    /// Returns the title of the current step.
    fn title(&self) -> Option<&str> {
        let at = self.number.checked_sub(1)?;
        self.titles.get(at).map(String::as_str)
    }

    /// Returns how far the build got, and its last output, as the end of a sentence.
    fn reached(&self) -> String {
        let step = match self.title() {
            Some(title) => format!(", in the step '{}'", last_lines(title)),
            None if self.number == 0 => ", before its first step".to_owned(),
            None => ", at its end".to_owned(),
        };
        match last_lines(&self.log.text()) {
            log if log.is_empty() => step,
            log => format!("{step}, which printed last: {log}"),
        }
    }

    fn problem(&self, error: bollard::errors::Error) -> Problem {
        let step = self.title().unwrap_or("the end of the build").to_owned();
        let Some(said) = engine::refused(&error) else {
            return Problem::Other(engine::failure("building an image", error));
        };
        let code = exit_code(said);
        let mut log = self.log.text();
        if code.is_none() {
            log.push_str(&engine::shown(said, &[]));
        }
        let failure = BuildFailure { step, code, log };
        match code {
            Some(_) => Problem::Step(failure),
            None => Problem::Engine(failure),
        }
    }
}

/// Returns the exit code in `The command '..' returned a non-zero code: 3`.
fn exit_code(said: &str) -> Option<i64> {
    let (_, code) = said.rsplit_once("returned a non-zero code: ")?;
    code.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use bollard::errors::Error as EngineError;

    use super::{Problem, Steps, exit_code};
    use crate::image::ImageProgress;

    fn titles() -> Vec<String> {
        ["base", "dir", "pip: six"].map(str::to_owned).to_vec()
    }

    fn stream(error: &str) -> EngineError {
        EngineError::DockerStreamError {
            error: error.to_owned(),
        }
    }

    #[test]
    fn steps_have_the_titles_of_the_recipe_and_the_engines_own_words_are_left_out() {
        let titles = titles();
        let mut steps = Steps::new(&titles);
        let said = [
            "Step 1/4 : FROM sha256:12",
            "\n",
            " ---> 12\n",
            "Step 2/4 : RUN [\"mkdir\"]",
            " ---> Running in 34\n",
            "Step 9/9 : spoof\n",
            "\u{1b}[91moops\n\u{1b}[0m",
            "Removing intermediate container 34\n",
            "Step 3/4 : RUN x",
            "Successfully installed six\n",
            "Step 4/4 : LABEL a=b",
            "Successfully built 56\n",
            "Successfully tagged x\n",
        ];
        let told: Vec<_> = said.iter().filter_map(|text| steps.read(text)).collect();
        let step = |number, title: &str| ImageProgress::Step {
            number,
            of: 3,
            title: title.to_owned(),
        };
        let output = |text: &str| ImageProgress::Output(text.to_owned());
        assert_eq!(
            told,
            [
                step(1, "base"),
                step(2, "dir"),
                output("Step 9/9 : spoof\n"),
                output("oops\n"),
                step(3, "pip: six"),
                output("Successfully installed six\n"),
            ]
        );
    }

    #[test]
    fn a_failing_command_is_distinguished_from_a_failing_engine() {
        let titles = titles();
        let mut steps = Steps::new(&titles);
        steps.read("Step 1/4 : FROM x");
        steps.read("Step 2/4 : RUN x");
        steps.read("cannot make it\n");
        let Problem::Step(failure) =
            steps.problem(stream("The command 'x' returned a non-zero code: 3"))
        else {
            panic!("no step failed")
        };
        assert_eq!((failure.step(), failure.code()), ("dir", Some(3)));
        assert_eq!(failure.log(), "cannot make it\n");
        assert_eq!(
            failure.to_string(),
            "the step 'dir' ended with code 3: cannot make it"
        );
        let Problem::Engine(failure) = steps.problem(stream("CreateDiff: mount callback failed"))
        else {
            panic!("the engine did not fail")
        };
        assert!(failure.log().ends_with("mount callback failed"));
        let gone = EngineError::RequestTimeoutError;
        assert!(matches!(steps.problem(gone), Problem::Other(_)));
    }

    #[test]
    fn the_progress_of_a_build_is_reported_with_its_last_output() {
        let titles = titles();
        let mut steps = Steps::new(&titles);
        assert_eq!(steps.reached(), ", before its first step");
        steps.read("Step 1/4 : FROM x");
        steps.read("Step 2/4 : RUN x");
        assert_eq!(steps.reached(), ", in the step 'dir'");
        steps.read("one\n");
        steps.read("two\n");
        let want = ", in the step 'dir', which printed last: one | two";
        assert_eq!(steps.reached(), want);
        steps.read("Step 3/4 : RUN x");
        steps.read("Step 4/4 : LABEL a=b");
        assert_eq!(steps.reached(), ", at its end");
    }

    #[test]
    fn an_exit_code_is_the_last_word() {
        assert_eq!(
            exit_code("The command 'a' returned a non-zero code: 127"),
            Some(127)
        );
        assert_eq!(exit_code("returned a non-zero code: x"), None);
        assert_eq!(exit_code("no space left on device"), None);
    }
}
