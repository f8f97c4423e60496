//! The modules of a crate form no circle, except where one is meant and listed here.
//!
//! A module is what `lib.rs` or `main.rs` declares, with everything below it. It uses another one by `crate::name`, by
//! `super::name` in a file beside it, or by an item that the crate re-exports from it. Tests may use anything.

use std::collections::{BTreeMap, BTreeSet};

use super::project::{Finding, Project, SourceFile};

/// Circles that are meant: the crate, its modules in alphabetical order, and why.
const MEANT: &[(&str, &[&str], &str)] = &[
    (
        "backend-conformance",
        &["harness", "law", "laws", "suite"],
        "the suites are lists of laws, and the harness runs a suite",
    ),
    (
        "backend-core",
        &["backend", "ops", "text"],
        "provided methods of the trait are functions of any backend",
    ),
];

/// A builder and what it builds name each other.
const BUILDER: &str = "builder";

/// The stand-in for what another system has: it is never compiled beside what it stands for.
const UNSUPPORTED: &str = "unsupported";

/// The modules of a crate, each with those that it uses.
type Graph = BTreeMap<String, BTreeSet<String>>;

pub(super) fn check(project: &Project<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &project.workspace.packages {
        let src = format!("{}/src/", package.dir);
        let roots = ["lib.rs", "main.rs"].map(|name| format!("{src}{name}"));
        let Some(root) = roots.iter().find_map(|path| project.file(path)) else {
            continue;
        };
        let files: Vec<&SourceFile> = project
            .files
            .iter()
            .filter(|file| file.path.starts_with(&src) && file.path.ends_with(".rs"))
            .collect();
        let circles = circles(&graph(root, &src, &files));
        for circle in &circles {
            let is_builder = circle.len() == 2 && circle.iter().any(|module| module == BUILDER);
            if !is_builder && !is_meant(&package.name, circle) {
                let names = circle.join(", ");
                findings.push(root.finding(format!("these modules form a circle: {names}")));
            }
        }
        let listed = MEANT.iter().filter(|(name, ..)| *name == package.name);
        for (_, modules, _) in listed {
            if !circles.iter().any(|circle| circle == modules) {
                let names = modules.join(", ");
                findings.push(root.finding(format!(
                    "the circle {names} is listed in circles.rs, and is not there"
                )));
            }
        }
    }
    findings
}

fn is_meant(package: &str, circle: &[String]) -> bool {
    MEANT
        .iter()
        .any(|(name, modules, _)| *name == package && circle == *modules)
}

/// Returns which modules use which.
fn graph(root: &SourceFile, src: &str, files: &[&SourceFile]) -> Graph {
    let code = code(&root.text);
    let modules: BTreeSet<String> = statements(&code)
        .filter_map(|statement| statement.strip_prefix("mod "))
        .filter(|module| *module != UNSUPPORTED)
        .map(str::to_owned)
        .collect();
    let exported = exported(&code);
    let tests: Vec<String> = files.iter().flat_map(|file| test_modules(file)).collect();
    let mut graph: Graph = modules
        .iter()
        .map(|module| (module.clone(), BTreeSet::new()))
        .collect();
    for file in files {
        let below = file.path.strip_prefix(src).unwrap_or_default();
        let top = below.split('/').next().unwrap_or_default();
        let module = top.strip_suffix(".rs").unwrap_or(top);
        let is_test = tests.iter().any(|test| {
            let rest = file.path.strip_prefix(test.as_str());
            rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        });
        let Some(uses) = graph.get_mut(module).filter(|_| !is_test) else {
            continue;
        };
        let beside_root = !below.contains('/');
        let text = self::code(&file.text);
        let mut names = names_after(&text, "crate::");
        if beside_root {
            names.extend(names_after(&text, "super::"));
        }
        let used = names.into_iter().filter_map(|name| {
            let direct = modules.get(&name).cloned();
            direct.or_else(|| exported.get(&name).cloned())
        });
        uses.extend(used.filter(|used| used != module));
    }
    graph
}

/// Returns the paths of the modules that a file declares for tests alone, without `.rs`.
fn test_modules(file: &SourceFile) -> Vec<String> {
    let path = file.path.strip_suffix(".rs").unwrap_or(&file.path);
    let is_root = path.ends_with("/lib") || path.ends_with("/main");
    let dir = match path.rsplit_once('/') {
        Some((dir, _)) if is_root => dir,
        _ => path,
    };
    let mut lines = file.text.lines();
    let mut modules = Vec::new();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]"
            && let Some(next) = lines.next()
            && let Some(name) = words(next).skip_while(|word| *word != "mod").nth(1)
        {
            modules.push(format!("{dir}/{name}"));
        }
    }
    modules
}

/// Returns a file's code: without comments, and without what follows the start of its tests.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text.get(..end).unwrap_or(text).lines();
    let mut code = String::new();
    for line in lines {
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

/// Returns the statements of a root file, each in one line and without its visibility.
fn statements(code: &str) -> impl Iterator<Item = &str> {
    code.split(';').map(|statement| {
        let line = statement.trim_start();
        let start = ["mod ", "use "].iter().filter_map(|word| line.find(word));
        start.min().and_then(|at| line.get(at..)).unwrap_or(line)
    })
}

/// Returns from which module the root re-exports each name.
fn exported(code: &str) -> BTreeMap<String, String> {
    let mut exported = BTreeMap::new();
    let uses = statements(code).filter_map(|statement| statement.strip_prefix("use "));
    for (module, items) in uses.filter_map(|path| path.split_once("::")) {
        for item in words(items) {
            exported.insert(item.to_owned(), module.to_owned());
        }
    }
    exported
}

/// Returns the names right after a prefix, in braces or not.
fn names_after(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = code.get(at + prefix.len()..).unwrap_or_default();
        let Some(list) = rest.strip_prefix('{') else {
            names.extend(words(rest).next().map(str::to_owned));
            continue;
        };
        let (mut depth, mut is_first) = (0_usize, true);
        for part in list.split_inclusive(['{', '}', ',']) {
            if depth == 0 && is_first {
                names.extend(words(part).next().map(str::to_owned));
            }
            is_first = part.ends_with(',');
            match part.chars().last() {
                Some('{') => depth += 1,
                Some('}') if depth == 0 => break,
                Some('}') => depth -= 1,
                _ => {}
            }
        }
    }
    names
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// Returns the groups of modules that use each other, directly or not, in alphabetical order.
fn circles(graph: &Graph) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = graph
        .keys()
        .map(|module| (module, reachable(graph, module)))
        .collect();
    let meets = |a: &String, b: &String| reached.get(a).is_some_and(|reached| reached.contains(b));
    let mut groups: BTreeSet<Vec<String>> = BTreeSet::new();
    for module in graph.keys().filter(|module| meets(module, module)) {
        let group = graph
            .keys()
            .filter(|other| meets(module, other) && meets(other, module));
        groups.insert(group.cloned().collect());
    }
    groups.into_iter().collect()
}

/// Returns the modules that a module uses, directly or not.
fn reachable<'a>(graph: &'a Graph, from: &String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut pending: Vec<&String> = graph.get(from).into_iter().flatten().collect();
    while let Some(module) = pending.pop() {
        if reached.insert(module) {
            pending.extend(graph.get(module).into_iter().flatten());
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::{Project, check};
    use crate::workspace::{Package, Workspace};

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let workspace = Workspace {
            packages: vec![Package {
                name: "it".to_owned(),
                dir: "crates/it".to_owned(),
                ..Package::default()
            }],
            ..Workspace::default()
        };
        let findings = check(&Project::of(&workspace, files));
        findings
            .iter()
            .map(|finding| finding.message.clone())
            .collect()
    }

    const LIB: &str =
        "//! Text.\n\nmod a;\nmod b;\npub(crate) mod c;\n\npub use c::{Thing, other};\n";

    #[test]
    fn a_circle_is_found_through_files_below_and_exported_names() {
        let circle = found(&[
            ("crates/it/src/lib.rs", LIB),
            ("crates/it/src/a.rs", "use crate::b::B;\n"),
            (
                "crates/it/src/b/part.rs",
                "use crate::{\n    Thing, x::{y, z},\n};\n",
            ),
            ("crates/it/src/c.rs", "use super::a;\n"),
        ]);
        assert_eq!(circle, ["these modules form a circle: a, b, c"]);
    }

    #[test]
    fn a_crate_without_a_circle_passes() {
        let none = found(&[
            ("crates/it/src/lib.rs", LIB),
            ("crates/it/src/a.rs", "use crate::b::B;\n// crate::a\n"),
            ("crates/it/src/b.rs", "use crate::Thing;\n"),
            // Beside the file `c`, not the module.
            ("crates/it/src/c/a.rs", "use super::a;\n"),
            (
                "crates/it/src/c.rs",
                "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    use crate::a;\n}\n",
            ),
        ]);
        assert_eq!(none, [""; 0]);
    }

    #[test]
    fn a_module_for_tests_may_use_anything() {
        let none = found(&[
            (
                "crates/it/src/lib.rs",
                "mod a;\nmod b;\n#[cfg(test)]\nmod scenario;\n",
            ),
            ("crates/it/src/a.rs", "#[cfg(test)]\nmod suite;\n"),
            ("crates/it/src/a/suite.rs", "use crate::b;\n"),
            ("crates/it/src/b.rs", "use crate::a;\n"),
            ("crates/it/src/scenario.rs", "use crate::a;\n"),
        ]);
        assert_eq!(none, [""; 0]);
    }

    #[test]
    fn a_builder_and_its_product_may_name_each_other() {
        let lib = "mod builder;\nmod product;\n";
        let none = found(&[
            ("crates/it/src/lib.rs", lib),
            ("crates/it/src/builder.rs", "use crate::product::Product;\n"),
            ("crates/it/src/product.rs", "use crate::builder::Builder;\n"),
        ]);
        assert_eq!(none, [""; 0]);
    }
}
