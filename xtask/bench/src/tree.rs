//! A tree to search: the prepared one, or a small made-up one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::options::Options;

/// Returns the tree to search.
pub(crate) fn find_or_make(options: &Options, scratch: &Path) -> PathBuf {
    match &options.tree {
        Some(tree) => tree.canonicalize().expect("the tree is not there"),
        None => make(&scratch.join("tree")),
    }
}

/// Makes a tree like that of a project: directories, ignore rules, and text that the patterns match.
fn make(dir: &Path) -> PathBuf {
    // Programs that know git read .gitignore files only in a repository.
    fs::create_dir_all(dir.join(".git")).unwrap();
    fs::write(dir.join(".gitignore"), "*.o\n/generated/\n").unwrap();
    for name in [
        "drivers/net",
        "drivers/usb/core",
        "kernel/power",
        "generated",
    ] {
        let below = dir.join(name);
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join("Makefile"), "obj-y += core_main.o\n").unwrap();
        fs::write(below.join("core_main.o"), "PM_RESUME\n").unwrap();
        for number in 0..20 {
            let line = format!("int value_{number} = {number}; /* about that */\n");
            let text = format!(
                "{}\tmutex_lock(&lock);\n\treturn -EINVAL; /* PM_RESUME */\n",
                line.repeat(100)
            );
            fs::write(below.join(format!("part{number}.c")), &text).unwrap();
            fs::write(
                below.join(format!("part{number}.h")),
                "#define PM_RESUME 1\n",
            )
            .unwrap();
        }
        fs::write(
            below.join("core_main.c"),
            "kmem_cache_create_usercopy(); /* alpha gamma delta omega sigma */\n",
        )
        .unwrap();
    }
    dir.to_owned()
}
