//! Random sequences from a small alphabet, so that operations meet.

use backend_core::{
    Case, DeleteRequest, GlobRequest, GrepOutput, GrepRequest, LsRequest, ReadBytesRequest,
    ReadRequest, RenameRequest, Replacement, VirtualPath, WriteRequest,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::operation::{Change, Expect, Mode, Operation};

const DIRECTORIES: &[&str] = &["a", "b", "m", ".h"];
const NAMES: &[&str] = &[
    "a",
    "b",
    "m",
    "x.txt",
    "y.rs",
    "é",
    "a-b",
    ".h",
    ".gitignore",
    ".ignore",
];

/// Contents that are read, cut, decoded, matched and edited in different ways.
const CONTENTS: &[&[u8]] = &[
    b"",
    b"one\n",
    b"one\ntwo\nthree\n",
    b"one\r\ntwo\r\none\r\n",
    b"one\r\ntwo\nthree",
    b"\n\n\n",
    b"no newline",
    b"\xef\xbb\xbfone\ntwo\n",
    b"\xef\xbb\xbf",
    "é ü 日本 one\nzwei\u{2028}x\u{c}y\n".as_bytes(),
    b"\xff\xfeo\0n\0e\0\n\0t\0w\0o\0",
    b"\xfe\xff\0o\0n\0e\0\r\0\n",
    b"\xff\xfeo\0n",
    b"\0binary one\n",
    b"caf\xe9 one\n",
    b"one one one\n\tone\n  two  three\n",
    b"0123456789012345678901234567890123456789 one 0123456789012345678901234567890123456789\n",
];

/// Contents of ignore files.
const RULES: &[&[u8]] = &[
    b"a\n",
    b"/b\n",
    b"*.txt\n",
    b"*\n!x.txt\n",
    b"!a\n",
    b"m/\n",
    b"b/a\n",
    b"# nothing\n\n",
    b"**/y.rs\r\n!/y.rs\n",
];

const NEEDLES: &[&str] = &[
    "one", "two\n", "one\ntwo", "one\r\n", "three", "\n", "é", "absent", "o", "ne", "",
];
const REPLACEMENTS: &[&str] = &["", "1", "one", "x\ny", "x\r\ny", "日本\n", "oneone"];

const GLOBS: &[&str] = &[
    "**",
    "*",
    "**/*",
    "*.txt",
    "**/*.{txt,rs}",
    "a/**",
    "**/a",
    "a/*",
    "[!a]*",
    "?",
    "**/",
    "*/",
    "/a",
    "b/**/x.txt",
    ".*",
    "**/.h/**",
    "**/.*",
    "m/**/*",
    "..",
    "",
    "[",
    "{a,b}/*",
    "\\a",
];
const PATTERNS: &[&str] = &[
    "one",
    "o",
    "^one$",
    "two|three",
    "",
    "^$",
    "(?i)ONE",
    r"\d+",
    "é",
    "absent",
    "(",
    "one$",
    "\t",
    r"o.e\s",
    "日",
];
const FILE_GLOBS: &[&str] = &["*.txt", "!*.txt", "a/*", "**/x.txt", "!b/**", "y.rs", "/a"];

/// Returns sequences that start with a few writes, and in which most operations are about the same few paths, so that
/// they meet.
pub(super) fn sequence(longest: usize) -> impl Strategy<Value = Vec<Operation>> {
    let pick = || proptest::option::weighted(0.7, any::<Index>());
    let steps = |operations| vec((operations, pick(), pick()), 1..=longest);
    let writes = vec((write(), pick(), pick()), 3..10);
    (vec(path(), 4..9), writes, steps(operation())).prop_map(|(often, writes, steps)| {
        writes
            .into_iter()
            .chain(steps)
            .map(|(mut operation, first, second)| {
                for (path, pick) in operation.subjects().into_iter().zip([first, second]) {
                    match pick.map(|pick| pick.get(&often)) {
                        Some(picked) if is_rules(picked) == is_rules(path) => {
                            *path = picked.clone()
                        }
                        _ => {}
                    }
                }
                operation
            })
            .collect()
    })
}

/// Returns whether a file at this path is one with rules for searches.
fn is_rules(path: &VirtualPath) -> bool {
    matches!(path.name(), Some(".gitignore" | ".ignore"))
}

// No `prop_flat_map` here: with it, shrinking starts all over.
fn path() -> impl Strategy<Value = VirtualPath> {
    let depth = prop_oneof![3 => Just(0_usize), 4 => Just(1), 1 => Just(2)];
    let made = (
        select(NAMES),
        depth,
        select(DIRECTORIES),
        select(DIRECTORIES),
    )
        .prop_map(|(name, depth, first, second)| {
            let segments = [first, second].into_iter().take(depth).chain([name]);
            let path: String = segments.flat_map(|segment| ["/", segment]).collect();
            VirtualPath::parse(path).expect("a path")
        });
    prop_oneof![20 => made, 1 => Just(VirtualPath::root())]
}

fn expect() -> impl Strategy<Value = Expect> {
    prop_oneof![3 => Just(Expect::Nothing), 1 => Just(Expect::Current), 1 => Just(Expect::Stale)]
}

fn operation() -> BoxedStrategy<Operation> {
    prop_oneof![
        9 => write(),
        4 => edit(),
        2 => edit_lines(),
        3 => delete(),
        4 => rename(),
        2 => path().prop_map(Operation::Mkdir),
        1 => path().prop_map(Operation::Stat),
        2 => (path(), limit()).prop_map(|(path, limit)| Operation::Ls(LsRequest::new(path).limit(limit))),
        3 => read().prop_map(Operation::Read),
        1 => read_bytes(),
        1 => vec(read(), 0..4).prop_map(Operation::ReadMany),
        1 => vec(write_request(), 0..4).prop_map(Operation::WriteMany),
        3 => glob(),
        4 => grep(),
    ]
    .boxed()
}

fn limit() -> impl Strategy<Value = usize> {
    prop_oneof![5 => Just(1000), 2 => 1..5_usize, 1 => Just(0_usize)]
}

fn write() -> BoxedStrategy<Operation> {
    let mode = prop_oneof![
        6 => Just(Mode::Overwrite),
        2 => Just(Mode::CreateNew),
        1 => Just(Mode::IfVersion(Expect::Current)),
        1 => Just(Mode::IfVersion(Expect::Stale)),
    ];
    (write_request(), mode)
        .prop_map(
            |(WriteRequest { path, content, .. }, mode)| Operation::Write {
                path,
                content,
                mode,
            },
        )
        .boxed()
}

fn write_request() -> impl Strategy<Value = WriteRequest> {
    (path(), select(CONTENTS), select(RULES)).prop_map(|(path, content, rules)| {
        let content = if is_rules(&path) { rules } else { content };
        WriteRequest::new(path, content)
    })
}

fn edit() -> BoxedStrategy<Operation> {
    let replacement =
        (select(NEEDLES), select(REPLACEMENTS), any::<bool>()).prop_map(|(old, new, all)| {
            if all {
                Replacement::all(old, new)
            } else {
                Replacement::new(old, new)
            }
        });
    (
        path(),
        vec(replacement, 0..3),
        expect(),
        proptest::bool::weighted(0.1),
    )
        .prop_map(|(path, replacements, expect, dry_run)| Operation::Edit {
            path,
            replacements,
            expect,
            dry_run,
        })
        .boxed()
}

fn edit_lines() -> BoxedStrategy<Operation> {
    let text = select(&["", "new", "x\ny", "é"][..]);
    let change = prop_oneof![
        text.clone().prop_map(Change::Replace),
        Just(Change::Delete),
        text.clone().prop_map(Change::Before),
        text.prop_map(Change::After),
    ];
    (
        path(),
        change,
        0..4_u64,
        1..3_u64,
        proptest::bool::weighted(0.9),
    )
        .prop_map(|(path, change, line, lines, right)| Operation::EditLines {
            path,
            change,
            line,
            lines,
            right,
        })
        .boxed()
}

fn delete() -> BoxedStrategy<Operation> {
    (path(), any::<bool>(), expect())
        .prop_map(|(path, recursive, expect)| {
            let mut request = DeleteRequest::new(path);
            request.recursive = recursive;
            Operation::Delete(request, expect)
        })
        .boxed()
}

fn rename() -> BoxedStrategy<Operation> {
    (path(), path(), any::<bool>())
        .prop_map(|(from, to, overwrite)| {
            let request = RenameRequest::new(from, to);
            Operation::Rename(if overwrite {
                request.overwrite()
            } else {
                request
            })
        })
        .boxed()
}

fn read() -> impl Strategy<Value = ReadRequest> {
    let size = || prop_oneof![3 => Just(4096_usize), 1 => 1..40_usize];
    (path(), 0..4_u64, limit(), size(), size()).prop_map(|(path, offset, limit, line, page)| {
        ReadRequest::new(path)
            .offset(offset)
            .limit(limit)
            .line_bytes(line)
            .page_bytes(page)
    })
}

fn read_bytes() -> BoxedStrategy<Operation> {
    let range = proptest::option::of((0..20_u64, 0..100_u64));
    (
        path(),
        range,
        prop_oneof![3 => Just(1000_u64), 1 => 0..20_u64],
    )
        .prop_map(|(path, range, limit)| {
            let mut request = ReadBytesRequest::new(path).limit(limit);
            request.range = range.map(|(start, end)| start..end);
            Operation::ReadBytes(request)
        })
        .boxed()
}

fn glob() -> BoxedStrategy<Operation> {
    let base = prop_oneof![2 => Just(VirtualPath::root()), 1 => path()];
    let excluded = proptest::option::weighted(0.1, path());
    (select(GLOBS), base, any::<[bool; 3]>(), limit(), excluded)
        .prop_map(
            |(pattern, path, [hidden, ignored, directories], limit, excluded)| {
                let mut request = GlobRequest::new(pattern).path(path).limit(limit);
                (request.hidden, request.ignored) = (hidden, ignored);
                request.directories = directories;
                request.exclude.extend(excluded);
                Operation::Glob(request)
            },
        )
        .boxed()
}

fn grep() -> BoxedStrategy<Operation> {
    let base = prop_oneof![2 => Just(VirtualPath::root()), 1 => path()];
    let output = select(
        &[
            GrepOutput::Matches,
            GrepOutput::Matches,
            GrepOutput::Files,
            GrepOutput::Counts,
        ][..],
    );
    let globs = vec(select(FILE_GLOBS), 0..2);
    let options = (
        any::<[bool; 4]>(),
        select(&[Case::Sensitive, Case::Insensitive, Case::Smart][..]),
        0..3_usize,
        0..3_usize,
        proptest::option::weighted(0.2, 1..3_usize),
        prop_oneof![2 => Just(500_usize), 1 => Just(24_usize)],
        proptest::bool::weighted(0.2),
    );
    (select(PATTERNS), base, output, globs, limit(), options)
        .prop_map(|(pattern, path, output, globs, limit, options)| {
            let (
                [fixed, word, hidden, ignored],
                case,
                before,
                after,
                file_limit,
                line_bytes,
                lines,
            ) = options;
            let mut request = GrepRequest::new(pattern)
                .path(path)
                .output(output)
                .limit(limit);
            (request.fixed, request.word, request.multi_line) = (fixed, word, lines);
            (request.hidden, request.ignored, request.case) = (hidden, ignored, case);
            (request.before, request.after, request.file_limit) = (before, after, file_limit);
            request.line_bytes = line_bytes;
            request.globs.extend(globs.into_iter().map(str::to_owned));
            Operation::Grep(request)
        })
        .boxed()
}
