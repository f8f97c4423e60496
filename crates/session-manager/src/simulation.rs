//! A day of a manager, simulated: users, faults, deaths, crashes, on a clock that does not wait. After each step the
//! manager and the provider are compared with what must hold.
//!
//! A seed decides everything, and is printed with a failure. `SESSION_SIMULATION_SEEDS` is how many are run,
//! `SESSION_SIMULATION_SEED` runs one alone, and prints what the manager told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::runtime::Builder;

mod check;
mod random;
mod step;
mod user;
mod weather;
mod world;

use random::Random;
use world::World;

/// How many days are simulated unless asked otherwise.
const SEEDS: u64 = 2000;

/// How many steps a day has.
const STEPS: usize = 120;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn day(seed: u64) {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(Random::new(seed)).await;
        for _ in 0..STEPS {
            world.step().await;
            world.check();
        }
        world.evening().await;
    });
}

#[test]
fn nothing_goes_wrong_on_any_day() {
    if let Some(seed) = number("SESSION_SIMULATION_SEED") {
        return day(seed);
    }
    let seeds = number("SESSION_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| day(seed))) {
                        next.store(seeds, Ordering::Relaxed);
                        eprintln!("the day of seed {seed} failed: SESSION_SIMULATION_SEED={seed}");
                        std::panic::resume_unwind(panic);
                    }
                }
            });
        }
    });
    println!("{seeds} days of {STEPS} steps in {:?}", began.elapsed());
}
