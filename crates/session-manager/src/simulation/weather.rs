//! The faults and their frequency: calm hours, and storms.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use backend_conformance::{Fault, ProviderCall};
use backend_core::Error;

use super::random::Random;

/// The fault rate. Shared with the script of the provider.
#[derive(Clone)]
pub(super) struct Weather(Arc<Mutex<(Random, u64)>>);

impl Weather {
    pub(super) fn new(random: Random) -> Self {
        Self(Arc::new(Mutex::new((random, 0))))
    }

    /// Sets the percentage of calls that fail.
    pub(super) fn set(&self, storm: u64) {
        self.0.lock().unwrap().1 = storm;
    }

    pub(super) fn fault(&self, call: ProviderCall) -> Fault {
        let (random, storm) = &mut *self.0.lock().unwrap();
        let storm = *storm;
        let delay = |random: &mut Random| match random.below(10) {
            0..=5 => random.millis(3_000),
            6..=8 => random.millis(100_000),
            _ => Duration::from_secs(20_000),
        };
        if call == ProviderCall::Liveness {
            // Liveness is reported correctly or as unknown, and may take a while.
            let wait = if random.chance(storm) { 8_000 } else { 0 };
            let wait = random.millis(wait);
            if random.chance(storm / 2) {
                return Fault::fail(Error::unsupported("an answer in this weather")).after(wait);
            }
            return Fault::none().after(wait);
        }
        if !random.chance(storm) {
            let usual = if call == ProviderCall::Create {
                900
            } else {
                100
            };
            return Fault::none().after(random.millis(usual));
        }
        let error = Error::unavailable("the engine does not answer");
        match random.below(6) {
            0 | 1 => Fault::fail(error).after(random.millis(5_000)),
            2 => Fault::lose(error).after(random.millis(5_000)),
            3 => Fault::lose(error).lingering(delay(random)),
            4 => Fault::none().lingering(delay(random)),
            _ => Fault::none().after(delay(random)),
        }
    }
}
