//! Laws about where commands run.

use backend_core::{Backend, BackendExt, DeleteRequest, ErrorKind, ExecRequest, VirtualPath};

use crate::Workshop;
use crate::workshop::quoted;
use crate::workspace::refused_at;

#[doc(hidden)]
#[macro_export]
macro_rules! __work_dir_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args work_dirs;
            CW1 commands_run_in_the_working_directory [SharedFiles]
                "Without a `cwd`, a command runs in the directory that `work_dir` names, which is there.";
            CW2 a_command_runs_in_its_cwd [SharedFiles]
                "`cwd` is a path of the workspace: a relative name in the command is a file of that directory.";
            CW3 a_directory_that_is_not_there_is_not_found [SharedFiles]
                "A `cwd` that does not exist, or was removed, is `not_found`.";
            CW4 a_file_is_not_a_working_directory [SharedFiles]
                "A `cwd` that is a file, leads to one or goes through one is `not_a_directory`.";
            CW5 a_link_to_a_directory_inside_is_a_working_directory [SharedFiles Links]
                "A `cwd` that is a link to a directory inside is that directory.";
            CW6 a_link_that_leads_out_is_not_a_working_directory [SharedFiles LinksOut]
                "A `cwd` that leads out of the workspace is `permission_denied`.";
            CW7 a_refused_directory_runs_nothing [SharedFiles]
                "Where the `cwd` is refused, nothing has run, and the next command does.";
            CW8 a_printed_path_is_a_path_of_the_workspace [SharedFiles OneRoot]
                "Where commands and files have one root, `pwd` prints the `cwd`, and a path means the same to both.";
        }
    };
}

crate::__work_dir_laws! { registry_of_area [Commands] }

/// Directories with names that a shell would change.
const ODD_DIRECTORIES: &[&str] = &[
    "/plain",
    "/a b/it's",
    "/$HOME/\"x\"",
    "/-n",
    "/ü/日本",
    "/*",
    "/a/b/c/d",
];

async fn commands_run_in_the_working_directory(shop: &Workshop) {
    let sandbox = shop.sandbox();
    let work_dir = sandbox.work_dir();
    assert!(sandbox.stat(&work_dir).await.unwrap().is_directory());
    // A name that no other law uses there, whichever others run.
    let (directory, name) = (shop.outer("/"), "law-of-the-working-directory");
    let name = format!("{name}{}", directory.as_str().replace('/', "-"));
    let line = format!("printf here > {}", quoted(&name));
    shop.printed(&ExecRequest::shell(line)).await;
    let path = work_dir.child(&name).unwrap();
    assert_eq!(sandbox.read(&path).await.unwrap().text, "here");
    // A relative path leads there too.
    assert_eq!(sandbox.read(name.as_str()).await.unwrap().text, "here");
    sandbox.delete(&path).await.unwrap();
}

async fn a_command_runs_in_its_cwd(shop: &Workshop) {
    let files = shop.files();
    for path in ODD_DIRECTORIES {
        files.put(&format!("{path}/in"), path).await;
        let request = ExecRequest::shell("cat in; cat in > out").cwd(shop.outer(path));
        assert_eq!(shop.printed(&request).await, *path);
        assert_eq!(files.text(&format!("{path}/out")).await, *path);
    }
    files.put("/at-the-top", "top").await;
    let request = ExecRequest::argv(["cat", "at-the-top"]).cwd(shop.outer("/"));
    assert_eq!(shop.printed(&request).await, "top");
    // The root of everything is a directory too.
    let root = ExecRequest::shell("pwd").cwd(VirtualPath::root());
    shop.printed(&root).await;
}

async fn refused_in(shop: &Workshop, path: &str, kind: ErrorKind) {
    let outer = shop.outer(path);
    let request = ExecRequest::shell("echo ran > ran").cwd(&outer);
    refused_at(shop.execute(&request).await, kind, outer.as_str());
    if shop.sandbox().capabilities().processes {
        refused_at(shop.spawn(&request).await, kind, outer.as_str());
    }
}

async fn a_directory_that_is_not_there_is_not_found(shop: &Workshop) {
    refused_in(shop, "/none", ErrorKind::NotFound).await;
    refused_in(shop, "/none/at/all", ErrorKind::NotFound).await;
    let files = shop.files();
    files.make("/there/below").await;
    let request = ExecRequest::shell("pwd").cwd(shop.outer("/there/below"));
    shop.printed(&request).await;
    let delete = DeleteRequest::new(VirtualPath::parse("/there").unwrap()).recursive();
    files.delete_with(&delete).await.unwrap();
    refused_in(shop, "/there/below", ErrorKind::NotFound).await;
}

async fn a_file_is_not_a_working_directory(shop: &Workshop) {
    shop.files().put("/d/file", "x").await;
    refused_in(shop, "/d/file", ErrorKind::NotADirectory).await;
    refused_in(shop, "/d/file/x", ErrorKind::NotADirectory).await;
    if shop.sandbox().capabilities().symlinks {
        shop.says("ln -s d/file link").await;
        refused_in(shop, "/link", ErrorKind::NotADirectory).await;
    }
}

async fn a_link_to_a_directory_inside_is_a_working_directory(shop: &Workshop) {
    let files = shop.files();
    files.put("/d/sub/in", "behind").await;
    files.link("/link", "d/sub").await;
    files.link("/d/up", "../link").await;
    for path in ["/link", "/d/up"] {
        let request = ExecRequest::argv(["cat", "in"]).cwd(shop.outer(path));
        assert_eq!(shop.printed(&request).await, "behind", "{path}");
    }
    files.link("/dangling", "nowhere").await;
    refused_in(shop, "/dangling", ErrorKind::NotFound).await;
}

async fn a_link_that_leads_out_is_not_a_working_directory(shop: &Workshop) {
    let files = shop.files();
    files.make("/d").await;
    files.link("/absolute", "/").await;
    files.link("/relative", "../..").await;
    files.link("/d/further", "../absolute").await;
    for path in ["/absolute", "/absolute/bin", "/relative", "/d/further"] {
        refused_in(shop, path, ErrorKind::PermissionDenied).await;
    }
}

async fn a_refused_directory_runs_nothing(shop: &Workshop) {
    shop.files().put("/file", "x").await;
    for _ in 0..20 {
        refused_in(shop, "/none", ErrorKind::NotFound).await;
        refused_in(shop, "/file", ErrorKind::NotADirectory).await;
    }
    assert!(!shop.files().has("/ran").await);
    assert_eq!(shop.says("echo next").await, "next\n");
}

async fn a_printed_path_is_a_path_of_the_workspace(shop: &Workshop) {
    let sandbox = shop.sandbox();
    let here = shop.says("pwd -P").await;
    assert_eq!(here.trim_end_matches('\n'), shop.outer("/").as_str());
    let default = shop.printed(&ExecRequest::shell("pwd -P")).await;
    assert_eq!(default.trim_end_matches('\n'), sandbox.work_dir().as_str());
    let path = shop
        .says("mkdir -p a/b; echo made > a/b/c; echo \"$PWD/a/b/c\"")
        .await;
    let path = path.trim_end_matches('\n');
    assert_eq!(sandbox.read(path).await.unwrap().text, "made\n");
    let request = ExecRequest::argv(["cat", path]);
    assert_eq!(shop.printed(&request).await, "made\n");
}
