//! A simulated day of a manager: users, faults, deaths and crashes, on a paused clock. After each step the invariants of the
//! manager and the provider are checked.
//!
//! The engine becomes unreachable and returns, is restarted, and runs out of disk; sandboxes are killed, stopped, paused and
//! removed from outside; the wall clock jumps; and other managers start and stop, on copies of the root or with the same name.
//!
//! A seed determines everything, and is printed with a failure. `SESSION_SIMULATION_SEEDS` sets the number of seeds,
//! `SESSION_SIMULATION_SEED` runs a single one and prints the manager's events.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Builder;

mod check;
mod disaster;
mod mutation;
mod neighbour;
mod random;
mod skew;
mod step;
mod user;
mod weather;
mod world;

use random::Random;
use world::{Size, World};

/// Default number of simulated days.
const SEEDS: u64 = 2000;

/// Number of steps per day.
const STEPS: usize = 120;

/// Number of days with thousands of users, and of steps in each.
const CROWDS: u64 = 1;
const CROWD_STEPS: usize = 2000;

/// Time limit of a day on any machine. A small one takes some milliseconds, the large one a few seconds; one that takes this long
/// never ends, because it retries something forever.
const ENDLESS: Duration = Duration::from_secs(300);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Runs one day, and returns the final state of the world.
fn day(seed: u64, size: Size, remember: bool) -> World {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(Random::new(seed), size).await;
        world.told = remember.then(Vec::new);
        // With many users, checking all of them takes longer than their actions.
        let (steps, every) = match size {
            Size::Small => (STEPS, 1),
            Size::Crowd => (CROWD_STEPS, 10),
        };
        for step in 0..steps {
            world.step().await;
            if step % every == 0 {
                world.check();
            }
        }
        world.evening().await;
        world
    })
}

/// Runs many days on all processors, and prints the seed of one that fails or does not end.
fn days(seeds: std::ops::Range<u64>, size: Size) {
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let lived: Vec<Mutex<Option<(u64, Instant)>>> =
        (0..threads).map(|_| Mutex::default()).collect();
    std::thread::scope(|scope| {
        let (next, seeds) = (&next, &seeds);
        let mut workers = Vec::new();
        for mine in &lived {
            workers.push(scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    *mine.lock().unwrap() = Some((seed, Instant::now()));
                    let lived = catch_unwind(AssertUnwindSafe(|| day(seed, size, false)));
                    *mine.lock().unwrap() = None;
                    if let Err(panic) = lived {
                        next.store(seeds.end, Ordering::Relaxed);
                        eprintln!("the day of seed {seed} ({size:?}) failed: SESSION_SIMULATION_SEED={seed}");
                        std::panic::resume_unwind(panic);
                    }
                }
            }));
        }
        while !workers.iter().all(|worker| worker.is_finished()) {
            std::thread::sleep(Duration::from_millis(10));
            for (seed, since) in lived.iter().filter_map(|day| *day.lock().unwrap()) {
                if since.elapsed() > ENDLESS {
                    eprintln!(
                        "the day of seed {seed} ({size:?}) does not end: SESSION_SIMULATION_SEED={seed}"
                    );
                    // A thread that spins cannot be stopped.
                    std::process::abort();
                }
            }
        }
    });
}

#[test]
fn nothing_goes_wrong_on_any_day() {
    if let Some(seed) = number("SESSION_SIMULATION_SEED") {
        day(seed, Size::Small, true);
        return;
    }
    let seeds = number("SESSION_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let began = Instant::now();
    days(0..seeds, Size::Small);
    println!("{seeds} days of {STEPS} steps in {:?}", began.elapsed());
}

#[test]
fn nothing_goes_wrong_among_thousands_of_users() {
    if let Some(seed) = number("SESSION_SIMULATION_SEED") {
        day(seed, Size::Crowd, true);
        return;
    }
    days(0..CROWDS, Size::Crowd);
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..20 {
        let told = || day(seed, Size::Small, true).told.unwrap();
        let (first, second) = (told(), told());
        let differ = first.iter().zip(&second).position(|(a, b)| a != b);
        let lines = differ.map(|at| (&first[at], &second[at]));
        assert_eq!(lines, None, "seed {seed}");
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}
