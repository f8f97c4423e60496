//! Laws about paths: one spelling, one meaning, in every operation.

use backend_core::{
    Backend, BackendExt, ErrorKind, GlobRequest, GrepRequest, PathError, RenameRequest, Result,
    VirtualPath, WriteRequest,
};

use crate::Workspace;
use crate::workspace::{p, refused, refused_at};

#[doc(hidden)]
#[macro_export]
macro_rules! __path_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args paths;
            P1 every_spelling_of_the_root_is_the_root
                "`\"\"`, `.`, `./`, `/.` and `//` list what `/` lists.";
            P2 empty_and_dot_segments_vanish
                "`//d//./f/` and `d/f` are `/d/f`.";
            P3 an_invalid_path_is_rejected_with_a_reason
                "A `..` segment and a control character are `invalid_path`; so is a drive or a `~` segment without a leading \
                 `/`.";
            P4 odd_names_are_ordinary_names
                "Quotes, spaces, colons, wildcards, dashes and dots in a name mean themselves in every operation.";
            P5 prefixes_match_by_segment
                "`/mem` is not a prefix of `/memory`.";
            P6 names_are_compared_byte_by_byte
                "Names that differ in case or in Unicode normalisation are different names.";
            P7 the_longest_name_works
                "A name of 255 bytes can be written, overwritten, edited, renamed, searched and deleted.";
            P8 a_deep_tree_works
                "A file under 1100 directories can be read, found, moved with them and deleted with them.";
            P9 a_long_path_works
                "A path of 3600 bytes works in every operation.";
            P10 a_path_through_a_file_is_not_a_directory
                "Where `/f` is a file, every operation on `/f/x` is `not_a_directory`, and names `/f/x`.";
            P11 a_missing_path_is_not_found
                "Every operation that needs something there is `not_found`, and names the path asked for.";
            P12 a_listed_path_opens_its_entry
                "The path of each entry of a listing or glob reads the entry.";
            P13 existence_is_an_answer_and_not_an_error
                "`exists` is true for files and directories, false below nothing and below a file.";
        }
    };
}

crate::__path_laws! { registry_of_area [Files] }

/// Names that have tripped a parser, a shell or a wildcard.
pub(super) const ODD_NAMES: &[&str] = &[
    "a..b",
    "...",
    "..a",
    "~x.txt",
    "x~",
    "a:notes",
    "w:1:x.txt",
    "C:",
    "C:\\x",
    "~",
    "-rf",
    "--help",
    "it's",
    "\"quoted\"",
    " two  spaces ",
    "$HOME",
    "`x`",
    "x'; touch PWNED; echo '",
    "back\\slash",
    "*",
    "what?",
    "[x]",
    "{a,b}",
    "!bang",
    "#hash",
    "%41",
    "a&b|c<d>",
    "é",
    "日本語.txt",
    "🦀",
    "x\u{2028}y",
    "lnk -> target",
];

async fn every_spelling_of_the_root_is_the_root(ws: &Workspace) {
    ws.put("/a.txt", "a").await;
    for spelling in ["", ".", "./", "/", "/.", "//", "/./."] {
        assert_eq!(ws.listed(spelling).await, ["/a.txt"], "{spelling:?}");
    }
}

async fn empty_and_dot_segments_vanish(ws: &Workspace) {
    ws.put("//d//./f/", "x").await;
    assert_eq!(ws.listed("/d").await, ["/d/f"]);
    assert_eq!(ws.text("d/f").await, "x");
    assert_eq!(ws.text("/./d/./f").await, "x");
    assert_eq!(ws.stat("d//f").await.unwrap().path, "/d/f");
}

async fn an_invalid_path_is_rejected_with_a_reason(ws: &Workspace) {
    ws.put("/b", "b").await;
    for text in [
        "..", "/a/../b", "/../b", "a\0b", "/a\nb", "C:\\b", "c:/b", "~", "~/b",
    ] {
        refused(ws.stat(text).await, ErrorKind::InvalidPath);
        refused(ws.ls(text).await, ErrorKind::InvalidPath);
        refused(ws.read(text).await, ErrorKind::InvalidPath);
        refused(ws.read_bytes(text).await, ErrorKind::InvalidPath);
        refused(ws.write(text, "x").await, ErrorKind::InvalidPath);
        refused(ws.edit(text, "b", "c").await, ErrorKind::InvalidPath);
        refused(ws.delete(text).await, ErrorKind::InvalidPath);
        refused(ws.rename(text, "/c").await, ErrorKind::InvalidPath);
        refused(ws.rename("/b", text).await, ErrorKind::InvalidPath);
        refused(ws.mkdir(text).await, ErrorKind::InvalidPath);
        refused(ws.exists(text).await, ErrorKind::InvalidPath);
    }
    assert_eq!(ws.listed("/").await, ["/b"]);
}

async fn odd_names_are_ordinary_names(ws: &Workspace) {
    for name in ODD_NAMES {
        let path = format!("/d/{name}");
        ws.put(&path, format!("needle {name}\n")).await;
        ws.edit(&path, "needle", "pin").await.unwrap();
    }
    let mut expected: Vec<String> = ODD_NAMES.iter().map(|name| format!("/d/{name}")).collect();
    expected.sort();
    assert_eq!(ws.listed("/d").await, expected);
    let hidden = GlobRequest::new("d/**").hidden();
    assert_eq!(ws.globbed(&hidden).await, expected);
    let found = ws.searched(&GrepRequest::new("^pin ").hidden()).await;
    let paths: Vec<&str> = found.matches.iter().map(|hit| hit.path.as_str()).collect();
    assert_eq!(paths, expected);
    for name in ODD_NAMES {
        let (path, moved) = (format!("/d/{name}"), format!("/e/{name}"));
        assert_eq!(ws.text(&path).await, format!("pin {name}\n"));
        ws.rename(&path, &moved).await.unwrap();
        assert_eq!(ws.delete(&moved).await.unwrap().entries, 1);
    }
    assert_eq!(ws.listed("/").await, ["/d/", "/e/"]);
    assert!(ws.listed("/d").await.is_empty() && ws.listed("/e").await.is_empty());
}

async fn prefixes_match_by_segment(ws: &Workspace) {
    ws.tree(&[
        ("/mem/x.txt", "needle"),
        ("/memory/x.txt", "needle"),
        ("/mem.txt", "needle"),
    ])
    .await;
    assert_eq!(ws.listed("/mem").await, ["/mem/x.txt"]);
    let below = GlobRequest::new("**").path(p("/mem"));
    assert_eq!(ws.globbed(&below).await, ["/mem/x.txt"]);
    let below = GrepRequest::new("needle").path(p("/mem"));
    assert_eq!(ws.hits(&below).await, ["/mem/x.txt:1:needle"]);
    ws.rename("/mem", "/me").await.unwrap();
    assert_eq!(ws.listed("/").await, ["/me/", "/memory/", "/mem.txt"]);
    ws.delete_all("/me").await;
    assert_eq!(ws.text("/memory/x.txt").await, "needle");
}

async fn names_are_compared_byte_by_byte(ws: &Workspace) {
    let names = ["/A", "/a", "/e\u{301}", "/\u{e9}"];
    for name in names {
        assert!(ws.write(name, name).await.unwrap().created, "{name}");
    }
    assert_eq!(ws.listed("/").await, names);
    for name in names {
        assert_eq!(ws.text(name).await, name);
    }
}

async fn the_longest_name_works(ws: &Workspace) {
    let long = format!("/{}.md", "n".repeat(252));
    let other = format!("/{}.md", "m".repeat(252));
    ws.put(&long, "one").await;
    ws.put(&long, "two").await;
    ws.edit(&long, "two", "three").await.unwrap();
    assert_eq!(ws.listed("/").await, [long.as_str()]);
    assert_eq!(
        ws.hits(&GrepRequest::new("three")).await,
        [format!("{long}:1:three")]
    );
    ws.rename(&long, &other).await.unwrap();
    assert_eq!(ws.found("m*.md").await, [other.as_str()]);
    ws.delete(&other).await.unwrap();
    assert!(ws.listed("/").await.is_empty());
}

async fn a_deep_tree_works(ws: &Workspace) {
    let deep = format!("/top{}", "/d".repeat(1100));
    let file = format!("{deep}/f.txt");
    ws.put(&file, "needle").await;
    assert_eq!(ws.text(&file).await, "needle");
    assert_eq!(ws.found("**/*.txt").await, [file.as_str()]);
    assert_eq!(
        ws.hits(&GrepRequest::new("needle")).await,
        [format!("{file}:1:needle")]
    );
    ws.rename("/top", "/moved").await.unwrap();
    let moved = file.replacen("/top", "/moved", 1);
    assert_eq!(ws.text(&moved).await, "needle");
    assert_eq!(ws.delete_all("/moved").await, 1102);
    assert!(ws.listed("/").await.is_empty());
}

async fn a_long_path_works(ws: &Workspace) {
    let directory = format!("/{}", "s".repeat(239)).repeat(14);
    let file = format!("{directory}/{}", "f".repeat(239));
    assert_eq!(file.len(), 3600);
    ws.put(&file, "needle").await;
    ws.edit(&file, "needle", "pin").await.unwrap();
    assert_eq!(ws.listed(&directory).await, [file.as_str()]);
    let inside = GrepRequest::new("pin").path(p(&directory));
    assert_eq!(ws.hits(&inside).await, [format!("{file}:1:pin")]);
    ws.delete(&file).await.unwrap();
    assert!(ws.listed(&directory).await.is_empty());
}

/// The outcomes of every operation that needs an entry at `path`.
async fn needing(ws: &Workspace, path: &str) -> Vec<(&'static str, Result<()>)> {
    let glob = GlobRequest::new("**").path(p(path));
    let grep = GrepRequest::new("x").path(p(path));
    vec![
        ("stat", ws.stat(path).await.map(drop)),
        ("ls", ws.ls(path).await.map(drop)),
        ("read", ws.read(path).await.map(drop)),
        ("read_bytes", ws.read_bytes(path).await.map(drop)),
        ("edit", ws.edit(path, "a", "b").await.map(drop)),
        ("delete", ws.delete(path).await.map(drop)),
        ("rename", ws.rename(path, "/elsewhere").await.map(drop)),
        ("glob", ws.glob_with(&glob).await.map(drop)),
        ("grep", ws.grep_with(&grep).await.map(drop)),
    ]
}

#[track_caller]
fn all_refused(outcomes: Vec<(&str, Result<()>)>, kind: ErrorKind, path: &str) {
    for (operation, outcome) in outcomes {
        match outcome {
            Ok(()) => panic!("{operation} of {path}: expected {kind}"),
            Err(error) => {
                assert_eq!(error.kind(), kind, "{operation} of {path}: {error}");
                assert_eq!(error.path(), Some(&p(path)), "{operation}: {error}");
            }
        }
    }
}

async fn a_path_through_a_file_is_not_a_directory(ws: &Workspace) {
    ws.tree(&[("/f", "text"), ("/g", "text")]).await;
    for path in ["/f/x", "/f/x/y"] {
        all_refused(needing(ws, path).await, ErrorKind::NotADirectory, path);
        let kind = ErrorKind::NotADirectory;
        refused_at(ws.write(path, "x").await, kind, path);
        refused_at(ws.mkdir(path).await, kind, path);
        refused_at(ws.rename("/g", path).await, kind, path);
        let overwrite = RenameRequest::new(p("/g"), p(path)).overwrite();
        refused_at(ws.rename_with(&overwrite).await, kind, path);
    }
    assert_eq!(ws.listed("/").await, ["/f", "/g"]);
    assert_eq!(ws.text("/f").await, "text");
}

async fn a_missing_path_is_not_found(ws: &Workspace) {
    ws.make("/d").await;
    for path in ["/missing", "/missing/deeper", "/d/missing"] {
        all_refused(needing(ws, path).await, ErrorKind::NotFound, path);
    }
    assert_eq!(ws.listed("/").await, ["/d/"]);
}

async fn a_listed_path_opens_its_entry(ws: &Workspace) {
    let files: Result<Vec<VirtualPath>, PathError> =
        ODD_NAMES.iter().map(|name| p("/a b").child(name)).collect();
    let writes: Vec<WriteRequest> = files
        .unwrap()
        .into_iter()
        .map(|path| WriteRequest::new(path.clone(), path.as_str().to_owned()))
        .collect();
    for outcome in ws.write_many_with(&writes).await {
        outcome.unwrap();
    }
    let listed = ws.ls("/a b").await.unwrap();
    let globbed = ws
        .glob_with(&GlobRequest::new("**").hidden())
        .await
        .unwrap();
    assert_eq!(listed.items.len(), ODD_NAMES.len());
    assert_eq!(globbed.items, listed.items);
    for entry in listed {
        assert_eq!(ws.text(entry.path.as_str()).await, entry.path.as_str());
        assert_eq!(ws.stat(&entry.path).await.unwrap(), entry);
    }
}

async fn existence_is_an_answer_and_not_an_error(ws: &Workspace) {
    ws.put("/d/f", "x").await;
    for (path, there) in [("/", true), ("/d", true), ("/d/f", true)] {
        assert_eq!(ws.has(path).await, there, "{path}");
    }
    for path in ["/x", "/x/y", "/d/x", "/d/f/x"] {
        assert!(!ws.has(path).await, "{path}");
    }
}
