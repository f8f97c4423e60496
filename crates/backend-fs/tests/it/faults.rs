//! File systems that fail, or are unusual: what works, what is refused, and that nothing is lost or left behind.

mod broken;
mod reads;
mod removals;
mod writes;

use std::any::type_name;
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::Duration;

use crate::disks::alone_as;
use crate::faulty::Faulty;
use crate::support::runtime;

/// More than a full disk takes, and more than one page.
fn large(line: &str) -> String {
    let line = format!("{line}\n");
    line.repeat(300_000 / line.len())
}

/// The content of each file of a directory, including hidden ones.
fn files(dir: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_file() {
            all.insert(name, fs::read_to_string(entry.path()).unwrap());
        } else {
            all.insert(name + "/", String::new());
        }
    }
    all
}

/// Mounts a faulty file system, without any fault yet, for a test that must not hang. The name is found as by
/// [`alone`](crate::disks::alone).
fn on_faulty<F: AsyncFnOnce(&mut Faulty)>(test: F) {
    alone_as(type_name::<F>(), &["/dev/fuse"], |dir| {
        let mut faulty = Faulty::mount(dir, &[]);
        let runtime = runtime();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let limit = Duration::from_secs(60);
            let test = async { tokio::time::timeout(limit, test(&mut faulty)).await };
            runtime.block_on(test).expect("it hangs");
        }));
        // The runtime waits for its threads, and one of them may wait for a fault to end.
        faulty.end_hanging();
        drop(runtime);
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
    });
}
