//! Laws about what is run: lines of shell, and words without one.

use backend_core::{ErrorKind, ExecStatus};

use crate::Workshop;
use crate::workshop::{quoted, text_of};

#[doc(hidden)]
#[macro_export]
macro_rules! __command_line_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args command_lines;
            CL1 a_line_is_run_by_a_shell
                "A line is one of `/bin/sh`: it has variables, pipes, lists, substitutions and redirections.";
            CL2 words_are_run_without_a_shell
                "Nothing in `argv` is expanded, split or quoted: each word is one argument, byte for byte.";
            CL3 a_line_keeps_every_character
                "A line reaches the shell as it is: every character but NUL survives between single quotes.";
            CL4 a_line_may_have_many_lines
                "Line breaks, both kinds of quotes, comments and blocks over several lines mean what they mean in a script.";
            CL5 a_here_document_is_exact
                "A here-document has the bytes between its marks; only one whose mark is not quoted is expanded.";
            CL6 a_line_that_looks_like_an_option_is_a_line
                "A line that starts with `-` or `+` is a command like any other.";
            CL7 a_line_with_nothing_in_it_succeeds
                "An empty line, a blank one and a comment end with code 0 and print nothing.";
            CL8 a_long_line_runs
                "A line of 100 KiB runs.";
            CL9 many_long_words_arrive
                "A word of 120 KiB and 1000 words of 1 KiB arrive.";
            CL10 an_oversized_command_is_rejected
                "Words or variables that are too long for the system are `invalid_request`, and the next command runs.";
            CL11 commands_share_no_shell
                "A variable, a function or a directory that one command sets is not there for the next.";
        }
    };
}

crate::__command_line_laws! { registry_of_area [Commands] }

/// Words that a shell would change.
const ODD_WORDS: &[&str] = &[
    "", " ", "  two  ", "it's", "\"", "'\\''", "$HOME", "${x}", "$(ls)", "`ls`", "a\nb", "\n",
    "\t", "\\", "\\n", "*", "?", "[a]", "~", "#", ";", "&", "|", "<", ">", "!", "{a,b}", "ü",
    "日本", "-n", "--", "-", "%s", "=", "\u{1}", "\u{7f}", "\r\n",
];

async fn a_line_is_run_by_a_shell(shop: &Workshop) {
    let line = "x=3; echo $((x * 2)) | cat && echo $(echo inner) > f; cat < f; false || echo end";
    assert_eq!(shop.says(line).await, "6\ninner\nend\n");
}

async fn words_are_run_without_a_shell(shop: &Workshop) {
    let words = ["printf", "%s|"].iter().chain(ODD_WORDS);
    let request = shop.words(words.copied());
    assert_eq!(shop.printed(&request).await, ODD_WORDS.join("|") + "|");
}

async fn a_line_keeps_every_character(shop: &Workshop) {
    let all: String = (1_u8..128)
        .map(char::from)
        .chain("äß日本\u{1f600}".chars())
        .collect();
    let line = format!("printf %s {}", quoted(&all));
    assert_eq!(shop.says(&line).await, all);
    for word in ODD_WORDS {
        let line = format!("printf '%s|' {}", quoted(word));
        assert_eq!(shop.says(&line).await, format!("{word}|"));
    }
    assert_eq!(
        shop.says("printf '%s' \"it's \\\"$((1+1))\\\"\"").await,
        "it's \"2\""
    );
}

async fn a_line_may_have_many_lines(shop: &Workshop) {
    let line = "\n# what it's \"about\nprintf '%s' 'a\nb'\nfor x in 1 2; do\n  if [ $x = 2 ]; then\n    \
                printf '%s' \" and\n$x\"\n  fi\ndone\n\n";
    assert_eq!(shop.says(line).await, "a\nb and\n2");
    assert_eq!(shop.says("printf a\\\nb").await, "ab");
    let output = shop.sh("false\ntrue\nexit 3\necho never").await;
    assert_eq!(
        (output.status, output.stdout.total()),
        (ExecStatus::Exited(3), 0)
    );
}

async fn a_here_document_is_exact(shop: &Workshop) {
    let body = "$HOME `ls` \\ \\n \"it's\"\n\n\ttab  \n";
    let line = format!("cat <<'END'\n{body}END\n");
    assert_eq!(shop.says(&line).await, body);
    assert_eq!(
        shop.says("x=1\ncat <<END\n$x \\$x $((x + 1))\nEND").await,
        "1 $x 2\n"
    );
    let two = "cat <<A; cat <<'B'\na\nA\n$b\nB\necho c";
    assert_eq!(shop.says(two).await, "a\n$b\nc\n");
}

async fn a_line_that_looks_like_an_option_is_a_line(shop: &Workshop) {
    for line in ["-x", "--version", "+x", "-", "-c", "--"] {
        let output = shop.sh(line).await;
        assert_eq!(output.status, ExecStatus::Exited(127), "{line}: {output:?}");
        assert_eq!(output.stdout.total(), 0, "{line}: {output:?}");
    }
}

async fn a_line_with_nothing_in_it_succeeds(shop: &Workshop) {
    for line in ["", " ", "\n", "# nothing", ":"] {
        let output = shop.sh(line).await;
        assert_eq!(output.status, ExecStatus::Exited(0), "{line:?}");
        assert_eq!(
            (output.stdout.total(), output.stderr.total()),
            (0, 0),
            "{line:?}"
        );
    }
}

async fn a_long_line_runs(shop: &Workshop) {
    let word = "x".repeat(100 << 10);
    let output = shop.sh(&format!("printf %s {word}")).await;
    assert!(
        text_of(&output.stdout) == word,
        "{} bytes",
        output.stdout.total()
    );
    let lines = "x=$((x + 1))\n".repeat(7_000);
    assert_eq!(shop.says(&format!("x=0\n{lines}echo $x")).await, "7000\n");
}

async fn many_long_words_arrive(shop: &Workshop) {
    let word = "y".repeat(120 << 10);
    let output = shop.printed(&shop.words(["printf", "%s", &word])).await;
    assert!(output == word, "{} bytes", output.len());
    let word = "z".repeat(1 << 10);
    let mut words = vec!["printf", "%.2s"];
    words.extend(std::iter::repeat_n(word.as_str(), 1_000));
    assert_eq!(shop.printed(&shop.words(words)).await, "z".repeat(2_000));
}

async fn an_oversized_command_is_rejected(shop: &Workshop) {
    // More than the kernel takes for one word, whatever its page size, and for all together.
    let word = "x".repeat(4 << 20);
    let many = std::iter::repeat_n("y".repeat(1_000), 12_000);
    for request in [
        shop.words(["printf", "%s", &word]),
        shop.line(format!("printf %s {word}")),
        shop.line("echo run > ran").env("X", word.as_str()),
        shop.words(
            ["printf".to_owned(), "%.1s".to_owned()]
                .into_iter()
                .chain(many),
        ),
    ] {
        shop.refuses(&request, ErrorKind::InvalidRequest).await;
    }
    assert_eq!(shop.says("test -e ran || echo no").await, "no\n");
}

async fn commands_share_no_shell(shop: &Workshop) {
    let here = shop.says("pwd -P").await;
    shop.says("x=1; export y=2; f() { :; }; cd /; umask 777")
        .await;
    let line =
        "echo \"$x$y\"; command -v f || echo none; pwd -P; : > made; test -r made && echo read";
    let output = shop.says(line).await;
    assert_eq!(output, format!("\nnone\n{here}read\n"));
}
