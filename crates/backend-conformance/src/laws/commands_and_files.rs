//! Laws about commands and files side by side: each immediately sees what the other has done.

use std::sync::Arc;

use backend_core::{
    Backend, BackendExt, ErrorKind, ExecStatus, GrepRequest, RenameRequest, WriteMode, WriteRequest,
};
use futures_util::future::join_all;

use crate::Workshop;
use crate::workspace::{p, refused};

#[doc(hidden)]
#[macro_export]
macro_rules! __command_and_file_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args commands_and_files;
            CF1 a_written_file_is_read_by_a_command [SharedFiles]
                "A command that starts after a write, an edit, a rename or a delete has returned sees what it did.";
            CF2 a_file_made_by_a_command_is_visible [SharedFiles]
                "What a command made is read, listed, found and searched as soon as the command has been answered.";
            CF3 every_byte_is_the_same [SharedFiles]
                "Bytes are the same on both sides: NULs, bytes that are not text, every line ending.";
            CF4 a_file_made_by_a_command_can_be_edited [SharedFiles]
                "A file that a command made can be edited, and the command sees the edit.";
            CF5 a_change_by_a_command_is_another_version [SharedFiles]
                "A command that changes a file gives it another version: a write for the old one is a `conflict`.";
            CF6 a_program_stays_executable [SharedFiles]
                "A write or an edit keeps a file executable.";
            CF7 names_are_the_same [SharedFiles]
                "A name is the same to commands and operations: spaces, quotes, a leading `-`, characters of any script.";
            CF8 reads_and_writes_alternate [SharedFiles]
                "A hundred rounds of a write, a command, a read and an edit each see what the one before did.";
            CF9 each_command_gets_its_own_answer [SharedFiles]
                "Of 64 commands at once, with file operations among them, each gets its own output, code and content.";
            CF10 many_commands_run_at_the_same_time
                "64 commands that wait for another one run at the same time as it, and all are answered.";
            CF11 a_running_command_blocks_nothing [SharedFiles]
                "While commands run, `liveness` and operations on files are answered.";
        }
    };
}

crate::__command_and_file_laws! { registry_of_area [Commands] }

async fn a_written_file_is_read_by_a_command(shop: &Workshop) {
    let files = shop.files();
    files.put("/d/a", "one\n").await;
    assert_eq!(shop.says("cat d/a").await, "one\n");
    files.edit("/d/a", "one", "two").await.unwrap();
    assert_eq!(shop.says("cat d/a").await, "two\n");
    files.put("/d/a", "three\n").await;
    assert_eq!(shop.says("cat d/a").await, "three\n");
    files.rename("/d/a", "/e/b").await.unwrap();
    assert_eq!(shop.says("cat e/b; ls d").await, "three\n");
    files.make("/new").await;
    assert_eq!(shop.says("test -d new && echo there").await, "there\n");
    files.put("/f", "f").await;
    let over = RenameRequest::new(p("/e/b"), p("/f")).overwrite();
    files.rename_with(&over).await.unwrap();
    assert_eq!(shop.says("cat f").await, "three\n");
    files.delete("/f").await.unwrap();
    assert_eq!(shop.says("test -e f || echo gone").await, "gone\n");
}

async fn a_file_made_by_a_command_is_visible(shop: &Workshop) {
    let files = shop.files();
    shop.says(
        "mkdir -p src/deep; echo 'a needle' > src/deep/x.rs; printf 12345 > src/y.txt; : > empty",
    )
    .await;
    assert_eq!(
        files.read("/src/deep/x.rs").await.unwrap().text,
        "a needle\n"
    );
    assert_eq!(files.stat("/src/y.txt").await.unwrap().size, 5);
    assert_eq!(files.listed("/src").await, ["/src/deep/", "/src/y.txt"]);
    assert_eq!(files.found("**/*.rs").await, ["/src/deep/x.rs"]);
    let hits = files.hits(&GrepRequest::new("needle")).await;
    assert_eq!(hits, ["/src/deep/x.rs:1:a needle"]);
    assert_eq!(files.read("/empty").await.unwrap().text, "");
    shop.says("mv src/deep moved; rm src/y.txt empty; echo more >> moved/x.rs")
        .await;
    assert_eq!(
        files.read("/moved/x.rs").await.unwrap().text,
        "a needle\nmore\n"
    );
    assert!(!files.has("/empty").await && !files.has("/src/y.txt").await);
    refused(files.read("/src/deep/x.rs").await, ErrorKind::NotFound);
}

async fn every_byte_is_the_same(shop: &Workshop) {
    let files = shop.files();
    let all: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = (0..3_000_000_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    for bytes in [&all[..], b"", b"no end", b"a\r\nb\nc\r", b"\0\0\0", &large] {
        files.put("/to", bytes).await;
        shop.says("cat to > from; cmp to from").await;
        assert!(files.bytes("/from").await == bytes, "{} bytes", bytes.len());
        let request = shop.line("cmp - from && cat > again").stdin(bytes.to_vec());
        shop.printed(&request).await;
    }
    files.put("/text", "a\r\nb\n").await;
    files.edit("/text", "a\nb", "c\nd").await.unwrap();
    assert_eq!(
        shop.says("od -An -c text | tr -d ' \\n'").await,
        "c\\r\\nd\\n"
    );
}

async fn a_file_made_by_a_command_can_be_edited(shop: &Workshop) {
    let files = shop.files();
    for round in 0..10 {
        shop.says(&format!("printf 'one\\n{round}\\nthree\\n' > f"))
            .await;
        files
            .edit("/f", format!("{round}\nthree"), "edited")
            .await
            .unwrap();
        assert_eq!(shop.says("cat f").await, "one\nedited\n");
    }
}

async fn a_change_by_a_command_is_another_version(shop: &Workshop) {
    let files = shop.files();
    for line in [
        "echo changed > f",
        "echo more >> f",
        "printf 'X' | dd of=f bs=1 seek=0 conv=notrunc 2> /dev/null",
        "mv other f",
        "rm f; echo new > f",
    ] {
        let version = files.put("/f", "before").await;
        files.put("/other", "before").await;
        shop.says(line).await;
        assert_ne!(files.version("/f").await, version, "{line}");
        let request = WriteRequest::new(p("/f"), "mine").mode(WriteMode::IfVersion(version));
        refused(files.write_with(&request).await, ErrorKind::Conflict);
        assert_ne!(files.text("/f").await, "mine", "{line}");
    }
}

async fn a_program_stays_executable(shop: &Workshop) {
    let files = shop.files();
    files.put("/program", "#!/bin/sh\necho one\n").await;
    let request = shop.words(["./program"]);
    let output = shop.run(&request).await;
    assert_eq!(output.status, ExecStatus::Exited(126), "{output:?}");
    shop.says("chmod 755 program").await;
    assert_eq!(shop.printed(&request).await, "one\n");
    files.edit("/program", "one", "two").await.unwrap();
    assert_eq!(shop.printed(&request).await, "two\n");
    files.put("/program", "#!/bin/sh\necho three\n").await;
    assert_eq!(shop.printed(&request).await, "three\n");
    files.rename("/program", "/tool").await.unwrap();
    assert_eq!(shop.says("./tool").await, "three\n");
}

async fn names_are_the_same(shop: &Workshop) {
    let files = shop.files();
    let names = [
        "a b",
        "it's",
        "\"quoted\"",
        "$HOME",
        "`x`",
        "-n",
        "--help",
        "*",
        "ü",
        "日本",
        "x\\y",
        "~",
        "#",
    ];
    for name in names {
        files.put(&format!("/d/{name}"), name).await;
    }
    let listed = shop
        .says("cd d && for f in *; do printf '%s=' \"$f\"; cat \"./$f\"; echo; done")
        .await;
    let mut lines: Vec<&str> = listed.lines().collect();
    lines.sort_unstable();
    let mut wanted: Vec<String> = names.iter().map(|name| format!("{name}={name}")).collect();
    wanted.sort_unstable();
    assert_eq!(lines, wanted);
    for name in names {
        let request = shop
            .line("mkdir -p \"made\" && printf %s \"$N\" > \"made/$N\"")
            .env("N", name);
        shop.printed(&request).await;
        assert_eq!(files.text(&format!("/made/{name}")).await, name);
    }
    assert_eq!(files.ls("/made").await.unwrap().items.len(), names.len());
}

async fn reads_and_writes_alternate(shop: &Workshop) {
    let files = shop.files();
    for round in 0..100 {
        files.put("/f", format!("written {round}\n")).await;
        assert_eq!(
            shop.says("cat f; echo appended >> f").await,
            format!("written {round}\n")
        );
        let text = files.read("/f").await.unwrap().text;
        assert_eq!(text, format!("written {round}\nappended\n"));
        files.edit("/f", "appended", "edited").await.unwrap();
        assert_eq!(shop.says("tail -n 1 f").await, "edited\n");
    }
}

async fn each_command_gets_its_own_answer(shop: &Workshop) {
    let all: Arc<str> = (0..3000)
        .map(|number| format!("{number}\n"))
        .collect::<String>()
        .into();
    shop.give("all", all.to_string()).await;
    let files = shop.files();
    let commands = (0..64_i32).map(|number| {
        let all = Arc::clone(&all);
        async move {
            let line = format!(
                "cat; tail -n +{} all; echo {number} >&2; exit {number}",
                number + 1
            );
            let input = format!("input of {number}\n");
            let request = shop.line(line).stdin(input.clone());
            let output = shop.run(&request).await;
            let from = all.find(&format!("{number}\n")).expect("a line");
            let wanted = format!("{input}{}", &all[from..]);
            assert!(
                output.stdout.to_text() == wanted,
                "{number}: {}",
                output.stdout.total()
            );
            assert_eq!(output.stderr.to_text(), format!("{number}\n"));
            assert_eq!(output.status, ExecStatus::Exited(number));
        }
    });
    let operations = (0..64).map(|number| async move {
        let path = format!("/files/{number}");
        for round in 0..5 {
            let text = format!("{number} {round}\n");
            files.put(&path, &text).await;
            assert_eq!(files.read(&path).await.unwrap().text, text);
            files.edit(&path, &text, "edited").await.unwrap();
            assert_eq!(files.text(&path).await, "edited");
        }
    });
    tokio::join!(join_all(commands), join_all(operations));
}

async fn many_commands_run_at_the_same_time(shop: &Workshop) {
    let waiting = (0..64).map(|number| async move {
        let line = format!(": > up{number}; while [ ! -e go ]; do sleep 0.3; done; echo {number}");
        assert_eq!(shop.says(&line).await, format!("{number}\n"));
    });
    let last = async {
        // All of them have started before the one that they wait for.
        let line = "while [ $(ls | grep -c '^up') -lt 64 ]; do sleep 0.3; done; : > go; echo gone";
        assert_eq!(shop.says(line).await, "gone\n");
    };
    tokio::join!(join_all(waiting), last);
}

async fn a_running_command_blocks_nothing(shop: &Workshop) {
    let files = shop.files();
    let waiting = (0..32).map(|_| async move {
        shop.says("while [ ! -e go ]; do sleep 0.3; done").await;
    });
    let meanwhile = async {
        for round in 0..20 {
            assert!(shop.sandbox().liveness().await.is_alive());
            files.put("/f", format!("{round}")).await;
            assert_eq!(files.text("/f").await, round.to_string());
            files.listed("/").await;
        }
        files.put("/go", "").await;
    };
    tokio::join!(join_all(waiting), meanwhile);
}
