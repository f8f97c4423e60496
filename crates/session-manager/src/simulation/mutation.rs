//! Each check is there for something: without it a day goes wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Size, day};
use crate::guard::{Guard, switch_off};

/// How many days are tried at most.
const DAYS: u64 = 400;

/// Returns the first day that goes wrong without a check.
fn first_failure(guard: Guard) -> Option<u64> {
    switch_off(Some(guard));
    let failed = (0..DAYS)
        .find(|&seed| catch_unwind(AssertUnwindSafe(|| day(seed, Size::Small, false))).is_err());
    switch_off(None);
    failed
}

macro_rules! needed {
    ($($name:ident: $guard:ident,)*) => {
        $(
            #[test]
            fn $name() {
                let failed = first_failure(Guard::$guard);
                assert!(failed.is_some(), "nothing goes wrong without it");
            }
        )*
    };
}

needed! {
    unknown_is_not_gone: UnknownIsNotGone,
    asleep_is_not_gone: AsleepIsNotGone,
    places_are_given_back: PlaceGivenBack,
    resting_sandboxes_are_not_replaced: NeverReplaceResting,
    orphans_have_no_owner: OrphanOwner,
    a_root_knows_that_it_is_a_copy: RootIdentity,
    records_come_first: RecordFirst,
}
