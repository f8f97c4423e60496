//! Many sessions on an engine that is randomly restarted, killed, disconnected or stopped, or runs out of disk.
//!
//! Every acknowledged write is read again at the end, and nothing is left over. It takes ten minutes, or `SOAK_SECONDS` seconds,
//! and runs only with `AGENT_BACKENDS_SOAK=1`: `cargo xtask ci --all` runs it in parallel with its last steps.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backend_core::{BackendExt, ErrorKind};
use rustix::process::Signal;
use sandbox_docker::{DockerProvider, DockerSandbox, Engine};
use session_manager::{Eviction, SessionManager, SessionManagerBuilder, SessionState};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Place;
use super::dockerd::Dockerd;
use super::relay::{At, Relay};

/// Half of them have their files below a root, the other half in their containers.
const SESSIONS: usize = 200;
const RESIDENT: usize = 12;
const WORKERS: usize = 8;
const DISK: u64 = 1 << 30;

/// How long a session may take to recover.
const RECOVERY: Duration = Duration::from_secs(120);

type Manager = SessionManager<DockerProvider>;

/// The values that a file may have: the last acknowledged one, and those attempted since.
#[derive(Debug, Default)]
struct Expected {
    acknowledged: Option<u64>,
    tried: Vec<u64>,
}

impl Expected {
    /// Whether a file may have this value, or be missing.
    fn allows(&self, value: Option<u64>) -> bool {
        value == self.acknowledged || value.is_some_and(|value| self.tried.contains(&value))
    }
}

#[derive(Debug, Default)]
struct Counts {
    writes: AtomicU64,
    reads: AtomicU64,
    refused: AtomicU64,
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

fn seconds() -> Option<u64> {
    let wanted = std::env::var_os("AGENT_BACKENDS_SOAK").is_some_and(|v| v == "1");
    let asked = std::env::var("SOAK_SECONDS").ok();
    let asked = asked.and_then(|seconds| seconds.parse().ok());
    wanted.then(|| asked.unwrap_or(600))
}

fn seed() -> u64 {
    let given = std::env::var("SOAK_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let now = || {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        u64::try_from(now & u128::from(u64::MAX)).unwrap() | 1
    };
    given.unwrap_or_else(now)
}

async fn manager(place: &Place, root: Option<&std::path::Path>) -> Manager {
    let template = DockerSandbox::builder(&place.image)
        .engine(place.engine.clone())
        .memory(96 << 20)
        .pids(64);
    let provider = DockerProvider::builder(template).namespace(place.namespace.clone());
    let provider = provider.connect().await.unwrap();
    let builder: SessionManagerBuilder<_> = SessionManager::builder(provider)
        .max_resident(RESIDENT)
        .eviction(Eviction::LeastRecentlyUsed {
            idle_for: Duration::ZERO,
        })
        .start_concurrency(4.try_into().unwrap())
        .start_timeout(Duration::from_secs(60))
        .stop_timeout(Duration::from_secs(30))
        .probe(Duration::from_secs(5), Duration::from_secs(5))
        .idle_timeout(Duration::from_secs(20))
        .cleanup_interval(Duration::from_secs(5));
    let builder = match root {
        Some(root) => builder.workspace_root(root),
        None => builder.name("soak"),
    };
    builder.build().await.unwrap()
}

/// Uses the sessions of one worker, which it does not share, until it is stopped.
async fn work(
    managers: Arc<[Manager; 2]>,
    worker: usize,
    seed: u64,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
) -> HashMap<usize, Expected> {
    let mut random = Random(seed);
    let mut expected: HashMap<usize, Expected> = HashMap::new();
    let mut value = 0;
    while !stop.load(Ordering::Relaxed) {
        let number = random.below(SESSIONS / WORKERS) * WORKERS + worker;
        let known = expected.entry(number).or_default();
        let outcome = async {
            let session = managers[number % 2].get_or_create(id(number)).await?;
            // Reads between two writes must be correct too.
            let found = read(&session).await?;
            counts.reads.fetch_add(1, Ordering::Relaxed);
            assert!(
                known.allows(found),
                "session {number}: {found:?}, {known:?}"
            );
            value += 1;
            known.tried.push(value);
            session.write("/data/value", value.to_string()).await
        };
        match outcome.await {
            Ok(_) => {
                *known = Expected {
                    acknowledged: Some(value),
                    tried: Vec::new(),
                };
                counts.writes.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                let allowed = [
                    ErrorKind::Unavailable,
                    ErrorKind::QuotaExceeded,
                    ErrorKind::TimedOut,
                ];
                assert!(allowed.contains(&error.kind()), "session {number}: {error}");
                counts.refused.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    expected
}

fn id(number: usize) -> String {
    format!("user-{number}")
}

/// Returns the value in the file of a session, if any.
async fn read(
    session: &session_manager::Session<DockerProvider>,
) -> backend_core::Result<Option<u64>> {
    match session.read("/data/value").await {
        Ok(page) => Ok(Some(page.text.parse().expect("a complete value"))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Breaks something, and repairs it.
async fn trouble(dockerd: &mut Dockerd, relay: &Relay, random: &mut Random) -> &'static str {
    let moment = Duration::from_millis(500 + 50 * random.below(60) as u64);
    match random.below(8) {
        0 => {
            dockerd.stop();
            tokio::time::sleep(moment / 4).await;
            dockerd.start_again().await;
            "restart"
        }
        1 => {
            dockerd.kill();
            tokio::time::sleep(moment / 4).await;
            dockerd.start_again().await;
            "kill"
        }
        2 => {
            relay.refuse().await;
            tokio::time::sleep(moment).await;
            relay.accept().await;
            "refuse"
        }
        3 => {
            relay.stall(true);
            tokio::time::sleep(2 * moment).await;
            relay.stall(false);
            "stall"
        }
        4 => {
            relay.hold(true);
            tokio::time::sleep(moment).await;
            relay.cut().await;
            relay.hold(false);
            "late"
        }
        5 => {
            dockerd.signal(Signal::STOP);
            tokio::time::sleep(2 * moment).await;
            dockerd.signal(Signal::CONT);
            "pause"
        }
        6 => {
            dockerd.disk().fill();
            tokio::time::sleep(moment).await;
            dockerd.disk().empty();
            "full"
        }
        _ => {
            let running = dockerd.try_docker(&["ps", "-q", "--no-trunc"]);
            let running = running.unwrap_or_default();
            let running: Vec<&str> = running.lines().collect();
            if let Some(key) = running.get(random.below(running.len().max(1))) {
                let deed = ["pause", "kill", "stop"][random.below(3)];
                // It may be ending, or be resumed by its manager meanwhile.
                dockerd.try_docker(&[deed, key]);
                tokio::time::sleep(moment).await;
                if deed == "pause" {
                    dockerd.unpause(key);
                }
            }
            "container"
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_acknowledged_write_is_lost_whatever_the_engine_does() {
    let Some(seconds) = seconds() else {
        eprintln!("skipped: AGENT_BACKENDS_SOAK=1 runs it for ten minutes");
        return;
    };
    let options = ["--storage-driver=overlay2"];
    let Some((mut dockerd, _)) = Dockerd::start_on(&options, Some(DISK)).await else {
        return;
    };
    dockerd.import_empty();
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let seed = seed();
    println!("SOAK_SEED={seed}");
    let relay = Relay::to(dockerd.address(), At::Socket).await;
    let engine = Engine::connect_to(relay.address()).await.unwrap();
    let place = Place::alone(engine, &dockerd);
    let here = tempfile::tempdir().unwrap();
    let managers = Arc::new([
        manager(&place, Some(here.path())).await,
        manager(&place, None).await,
    ]);
    let (stop, counts) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(Counts::default()),
    );
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let seed = seed.wrapping_mul(2 * worker as u64 + 3) | 1;
        let (stop, counts) = (Arc::clone(&stop), Arc::clone(&counts));
        workers.spawn(work(Arc::clone(&managers), worker, seed, stop, counts));
    }
    let (begun, mut random) = (Instant::now(), Random(seed));
    let mut troubles: std::collections::BTreeMap<&str, u32> = Default::default();
    while begun.elapsed() < Duration::from_secs(seconds) && workers.len() == WORKERS {
        let quiet = Duration::from_millis(1000 + 100 * random.below(60) as u64);
        tokio::time::sleep(quiet).await;
        let what = trouble(&mut dockerd, &relay, &mut random).await;
        *troubles.entry(what).or_default() += 1;
        println!(
            "{:>4} s: {what}, {} writes, {} refused, {} live, {} stuck",
            begun.elapsed().as_secs(),
            counts.writes.load(Ordering::Relaxed),
            counts.refused.load(Ordering::Relaxed),
            managers.iter().map(|m| m.stats().live).sum::<usize>(),
            managers.iter().map(|m| m.stats().stuck).sum::<usize>(),
        );
        // A failed worker is reported at once.
        if let Some(failed) = workers.try_join_next() {
            failed.unwrap();
        }
    }
    stop.store(true, Ordering::Relaxed);
    println!("{:>4} s: the workers end", begun.elapsed().as_secs());
    let mut expected: HashMap<usize, Expected> = HashMap::new();
    for part in workers.join_all().await {
        expected.extend(part);
    }
    println!(
        "{:>4} s: everything is read again",
        begun.elapsed().as_secs()
    );
    // An engine that is killed while its containers keep running may permanently consider some of them running ("task already
    // exists"), and then cannot start them until its machine is rebooted.
    dockerd.reboot().await;
    // At most as many at once as there are slots, so that none has to wait for one.
    let turns = Arc::new(Semaphore::new(WORKERS));
    let recovering = Instant::now();
    let known = expected.len();
    let mut verifying = JoinSet::new();
    for (number, known) in expected {
        let (managers, turns) = (Arc::clone(&managers), Arc::clone(&turns));
        verifying.spawn(async move {
            let _turn = turns.acquire_owned().await.unwrap();
            verify(&managers[number % 2], number, &known).await;
        });
    }
    let verified = verifying.join_all().await.len();
    let recovered = recovering.elapsed();
    let stats = managers.each_ref().map(|manager| manager.stats());
    for stats in &stats {
        assert_eq!(
            (stats.deaths, stats.dead, stats.stuck),
            (0, 0, 0),
            "{stats:?}"
        );
    }
    let mut purging = JoinSet::new();
    for number in 0..SESSIONS {
        let (managers, turns) = (Arc::clone(&managers), Arc::clone(&turns));
        purging.spawn(async move {
            let _turn = turns.acquire_owned().await.unwrap();
            managers[number % 2].purge(id(number)).await.unwrap();
        });
    }
    purging.join_all().await;
    for manager in managers.iter() {
        assert_eq!(manager.stats().open, 0, "{:?}", manager.stats());
        assert_eq!(manager.stats().resident, 0, "{:?}", manager.stats());
        assert!(manager.shutdown().await.failures.is_empty());
    }
    assert_eq!(place.containers(true), [""; 0]);
    drop((managers, place, relay));
    let gone = async {
        while tasks() > before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(30), gone).await;
    assert!(gone.is_ok(), "{} tasks, and {before} before", tasks());
    println!(
        "soak: {} s, {} sessions, {} writes acknowledged, {} reads, {} calls refused, {} files read again in {recovered:.1?}, \
         troubles {troubles:?}, starts {}, nothing lost, nothing left over",
        begun.elapsed().as_secs(),
        known,
        counts.writes.load(Ordering::Relaxed),
        counts.reads.load(Ordering::Relaxed),
        counts.refused.load(Ordering::Relaxed),
        verified,
        stats.iter().map(|stats| stats.starts).sum::<u64>(),
    );
}

/// Reads the file of a session again, and makes sure that it has the acknowledged value.
async fn verify(manager: &Manager, number: usize, known: &Expected) {
    let deadline = Instant::now() + RECOVERY;
    let found = loop {
        let found = async {
            let session = manager.get_or_create(id(number)).await?;
            read(&session).await
        };
        match found.await {
            Ok(found) => break found,
            Err(error) => {
                let state = manager.info(id(number)).await;
                let state = state.ok().flatten().map(|info| info.state);
                assert!(
                    Instant::now() < deadline && state != Some(SessionState::Dead),
                    "session {number} does not come back: {state:?}, {error:?}, {:?}",
                    manager.stats()
                );
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    assert!(
        known.allows(found),
        "session {number}: {found:?}, {known:?}"
    );
}
