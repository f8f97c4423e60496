//! Commands with children that try to get away, and whether they did.

use std::time::Duration;

use backend_core::{ExecRequest, ExecStatus};

use super::{Workshop, within};

/// A script for a child that records its pid, and then sleeps for longer than any law takes.
const SLEEPER: &str = "echo $$ >> pids\nexec sleep 5000\n";

/// The start of a line that uses `setsid` and `nohup`, for systems that lack one of them.
pub(crate) const TOOLS: &str = "command -v setsid > /dev/null || setsid() { \"$@\"; }\n\
    command -v nohup > /dev/null || nohup() { (trap '' HUP; exec \"$@\"); }\n";

/// A line that never ends, with children that record their pids in the file `pids`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree {
    pub(crate) name: &'static str,
    /// What it does before it waits. `@` is a child that sleeps.
    line: &'static str,
    /// How many children there are when all have started.
    pub(crate) children: usize,
}

/// One for each way in which a child escapes a kill of only the process or its group.
pub(crate) const TREES: &[Tree] = &[
    Tree {
        name: "children",
        line: "@ & @ &",
        children: 2,
    },
    Tree {
        name: "a session of its own",
        line: "setsid @ & @ &",
        children: 2,
    },
    Tree {
        name: "orphans",
        line: "(@ &); (sh -c \"(@ &)\" &)",
        children: 2,
    },
    Tree {
        name: "a daemon",
        line: "(setsid sh -c \"(setsid @ &)\" &)",
        children: 1,
    },
    Tree {
        name: "deaf to signals",
        line: "trap '' TERM INT HUP; @ & setsid @ &",
        children: 2,
    },
    Tree {
        name: "stopped",
        line: "sh -c 'echo $$ >> pids; kill -STOP $$; sleep 5000' & @ &",
        children: 2,
    },
];

impl Tree {
    /// Returns the request that starts it. It prints `up` when all children have started, and never ends.
    pub(crate) fn request(&self, workshop: &Workshop) -> ExecRequest {
        let (line, children) = (self.line, self.children);
        let line = line.replace('@', "sh ./sleeper");
        workshop.line(format!(
            "{TOOLS}{line}\n\
             while [ \"$(wc -l < pids)\" -lt {children} ]; do sleep 0.02; done; echo up; sleep 5000"
        ))
    }
}

impl Workshop {
    /// Makes what the trees need. The list is still empty.
    pub(crate) async fn prepare_trees(&self) {
        self.give("sleeper", SLEEPER).await;
        self.says(": > pids").await;
    }

    /// Returns how many children have recorded their pids.
    pub(crate) async fn seen(&self) -> usize {
        let count = self.says("wc -l < pids").await;
        count.trim().parse().expect("a number")
    }

    /// Waits until this many children have recorded their pids.
    pub(crate) async fn until_seen(&self, count: usize) {
        within("a child that comes up", async {
            while self.seen().await < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    /// Checks that every process in the list is dead, or ends soon.
    pub(crate) async fn nobody_is_left(&self, after: &str) {
        // A child that was killed still exists until it is reaped.
        let line = "for pid in $(cat pids); do n=0; \
                    while kill -0 $pid 2> /dev/null; do n=$((n + 1)); \
                    if [ $n -gt 200 ]; then echo $pid; break; fi; sleep 0.05; done; done";
        let output = self.sh(line).await;
        assert_eq!(output.status, ExecStatus::Exited(0), "{output:?}");
        assert_eq!(
            output.stdout.total(),
            0,
            "{after}: some processes are alive: {output:?}"
        );
    }

    /// Checks that every process in the list is alive, and kills them.
    pub(crate) async fn all_live(&self, count: usize, after: &str) {
        let line =
            "for pid in $(cat pids); do kill -0 $pid && echo $pid; done; kill -9 $(cat pids)";
        let output = self.sh(line).await;
        let living = super::text_of(&output.stdout).lines().count();
        assert_eq!(living, count, "{after}: {output:?}");
    }
}
