//! Laws about what commands print: separate by stream, exact in what is kept, bounded in how much is kept.

use backend_core::{Captured, ExecStatus};
use bytes::Bytes;

use crate::Workshop;
use crate::workshop::bytes_of;

#[doc(hidden)]
#[macro_export]
macro_rules! __output_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args output;
            CO1 the_streams_are_apart
                "Standard output is in `stdout`, standard error in `stderr`.";
            CO2 any_bytes_are_kept
                "Output is bytes: NULs, bytes that are not UTF-8 and a last line without an ending are kept as they are.";
            CO3 no_output_is_empty
                "A stream to which nothing was printed is empty, with nothing omitted.";
            CO4 a_stream_keeps_its_order
                "The bytes of one stream are in the order in which they were printed, whichever process printed them.";
            CO5 output_within_the_bound_is_kept_whole
                "Output of up to `output_bytes` is whole, to the byte.";
            CO6 the_first_and_the_last_half_are_kept
                "Of longer output the first half is kept, an odd byte included, and the last; those between are counted.";
            CO7 each_stream_has_its_own_bound
                "`output_bytes` is for each stream: much on one takes nothing from the other.";
            CO8 much_output_is_counted_to_the_byte
                "Of 300 MB of output with a bound of 10 bytes, all others are counted as omitted, and the command ends as it \
                 would without.";
            CO9 a_ceiling_is_reached_by_the_byte_after_it
                "A stream may have `output_ceiling` bytes; one more, and the command is killed, whatever it does.";
            CO10 a_ceiling_keeps_what_was_printed
                "Over the ceiling the status is `output_ceiling`, with the output up to then, at least the ceiling and a byte.";
        }
    };
}

crate::__output_laws! { registry_of_area [Commands] }

async fn the_streams_are_apart(shop: &Workshop) {
    let output = shop
        .sh("echo a; echo b >&2; echo c; echo d >&2; exit 3")
        .await;
    assert_eq!(output.status, ExecStatus::Exited(3));
    assert_eq!(output.stdout, Captured::new("a\nc\n", 0, ""));
    assert_eq!(output.stderr, Captured::new("b\nd\n", 0, ""));
    let output = shop.sh("sh -c 'echo inner; echo oops >&2' 2>&1").await;
    assert_eq!(output.stdout.to_text(), "inner\noops\n");
    assert_eq!(output.stderr.total(), 0);
}

async fn any_bytes_are_kept(shop: &Workshop) {
    let line = r"printf 'a\377\000b'; printf 'err\376\000' >&2; printf '\303'; printf 'no end'";
    let output = shop.sh(line).await;
    assert_eq!(bytes_of(&output.stdout), &b"a\xff\0b\xc3no end"[..]);
    assert_eq!(bytes_of(&output.stderr), &b"err\xfe\0"[..]);
    assert_eq!(output.status, ExecStatus::Exited(0));
    let all: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let request = shop
        .line("cat > all; cat all; cat all >&2")
        .stdin(all.clone());
    let output = shop.run(&request).await;
    assert_eq!(bytes_of(&output.stdout), all);
    assert_eq!(bytes_of(&output.stderr), all);
}

async fn no_output_is_empty(shop: &Workshop) {
    for line in ["true", "false", ": > /dev/null", "exec >&- 2>&-; true"] {
        let output = shop.sh(line).await;
        assert_eq!(output.stdout, Captured::default(), "{line}");
        assert_eq!(output.stderr, Captured::default(), "{line}");
    }
    let output = shop.sh("echo only >&2").await;
    assert_eq!(output.stdout, Captured::default());
}

async fn a_stream_keeps_its_order(shop: &Workshop) {
    let line = "n=0; while [ $n -lt 3000 ]; do echo $n; [ $((n % 100)) = 99 ] && sh -c 'echo sub'; \
                n=$((n + 1)); done";
    let mut wanted = String::new();
    for number in 0..3000 {
        wanted += &format!("{number}\n");
        if number % 100 == 99 {
            wanted += "sub\n";
        }
    }
    assert_eq!(shop.says(line).await, wanted);
}

/// Output in which every part is different, and characters have several bytes.
fn lines() -> Bytes {
    let lines = (0..20_000).map(|number| format!("{number} ü日\n"));
    lines.collect::<String>().into()
}

async fn output_within_the_bound_is_kept_whole(shop: &Workshop) {
    let all = lines();
    shop.give("all", all.clone()).await;
    for bound in [all.len(), all.len() + 1, 2 * all.len(), 64 << 20] {
        let output = shop.run(&shop.line("cat all").output_bytes(bound)).await;
        assert_eq!(output.stdout.omitted, 0, "{bound}");
        assert!(
            output.stdout.head == all,
            "{bound}: {} bytes",
            output.stdout.total()
        );
    }
    let output = shop.run(&shop.line("printf 12345").output_bytes(5)).await;
    assert_eq!(output.stdout, Captured::new("12345", 0, ""));
}

async fn the_first_and_the_last_half_are_kept(shop: &Workshop) {
    let all = lines();
    shop.give("all", all.clone()).await;
    for bound in [0, 1, 2, 3, 7, 1000, 4095, 65_537, all.len() - 1] {
        let request = shop.line("cat all; cat all >&2").output_bytes(bound);
        let output = shop.run(&request).await;
        for kept in [&output.stdout, &output.stderr] {
            let tail = bound / 2;
            assert_eq!(kept.head, all[..bound - tail], "{bound}");
            assert_eq!(kept.omitted, (all.len() - bound) as u64, "{bound}");
            assert_eq!(kept.tail, all[all.len() - tail..], "{bound}");
        }
    }
    let output = shop.run(&shop.line("printf 123456").output_bytes(5)).await;
    assert_eq!(output.stdout, Captured::new("123", 1, "56"));
}

async fn each_stream_has_its_own_bound(shop: &Workshop) {
    let line = "head -c 1000000 /dev/zero; printf abcd >&2";
    let output = shop.run(&shop.line(line).output_bytes(4)).await;
    assert_eq!(output.stdout, Captured::new("\0\0", 999_996, "\0\0"));
    assert_eq!(output.stderr, Captured::new("abcd", 0, ""));
    let line = "printf abcd; head -c 1000000 /dev/zero >&2";
    let output = shop.run(&shop.line(line).output_bytes(4)).await;
    assert_eq!(output.stdout, Captured::new("abcd", 0, ""));
    assert_eq!(output.stderr.total(), 1_000_000);
}

async fn much_output_is_counted_to_the_byte(shop: &Workshop) {
    let line = "printf start; head -c 300000000 /dev/zero; printf end; exit 4";
    let output = shop.run(&shop.line(line).output_bytes(10)).await;
    assert_eq!(output.status, ExecStatus::Exited(4));
    assert_eq!(
        output.stdout,
        Captured::new("start", 299_999_998, "\0\0end")
    );
}

async fn a_ceiling_is_reached_by_the_byte_after_it(shop: &Workshop) {
    let (within, over) = (ExecStatus::Exited(0), ExecStatus::OutputCeiling);
    for (line, ceiling, status) in [
        ("printf 1234", 4, within),
        ("printf 12345", 4, over),
        ("printf 12345 >&2", 4, over),
        ("printf 123; printf 123 >&2", 4, within),
        ("true", 0, within),
        ("printf 1", 0, over),
        ("printf 12345; exit 3", 4, over),
        ("trap '' TERM; printf 12345; sleep 5000", 4, over),
        ("cat /dev/zero", 10_000_000, over),
        ("yes >&2", 10_000_000, over),
        ("head -c 10000000 /dev/zero", 10_000_000, within),
    ] {
        let output = shop.run(&shop.line(line).output_ceiling(ceiling)).await;
        assert_eq!(output.status, status, "{line}: {output:?}");
    }
}

async fn a_ceiling_keeps_what_was_printed(shop: &Workshop) {
    let line = "printf before >&2; printf 0123456789; sleep 5000";
    let output = shop.run(&shop.line(line).output_ceiling(9)).await;
    assert_eq!(output.status, ExecStatus::OutputCeiling);
    assert_eq!(output.stdout, Captured::new("0123456789", 0, ""));
    assert_eq!(output.stderr, Captured::new("before", 0, ""));
    let request = shop.line("yes").output_ceiling(1_000_000).output_bytes(6);
    let output = shop.run(&request).await;
    assert_eq!(output.stdout.head, "y\ny");
    assert!(
        output.stdout.total() > 1_000_000,
        "{}",
        output.stdout.total()
    );
}
