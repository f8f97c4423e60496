//! Laws about the standard input of a command: the bytes of the request, then the end.

use std::time::Duration;

use backend_core::ExecStatus;
use bytes::Bytes;

use crate::Workshop;
use crate::workshop::bytes_of;

#[doc(hidden)]
#[macro_export]
macro_rules! __input_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args input;
            CI1 without_input_a_command_reads_the_end
                "Without input a command reads the end at once, and nothing of the caller's input.";
            CI2 every_byte_arrives
                "The input arrives byte for byte: NULs, bytes that are not text, no line break at the end.";
            CI3 a_hundred_megabytes_arrive
                "100 MB of input arrive, in the right order.";
            CI4 input_and_output_flow_at_the_same_time
                "A command that prints what it reads gets all of a large input: neither side waits for the other.";
            CI5 a_command_may_leave_input_unread
                "A command that does not read its input, reads a part or closes it ends with its own code.";
            CI6 a_command_that_never_reads_times_out
                "A command that waits with a large input unread is killed at its timeout.";
            CI7 children_share_the_input
                "Each program of a line continues reading where the one before stopped.";
        }
    };
}

crate::__input_laws! { registry_of_area [Commands] }

/// Bytes in which every part is different.
fn numbers(count: u32) -> Bytes {
    let numbers = (0..count).flat_map(u32::to_be_bytes);
    numbers.collect::<Vec<u8>>().into()
}

async fn without_input_a_command_reads_the_end(shop: &Workshop) {
    assert_eq!(shop.says("cat").await, "");
    assert_eq!(shop.says("wc -c").await.trim(), "0");
    assert_eq!(shop.printed(&shop.words(["cat"])).await, "");
    assert_eq!(shop.says("read x || echo end").await, "end\n");
}

async fn every_byte_arrives(shop: &Workshop) {
    let all: Vec<u8> = (0..=255).chain([0, 10, 13, 10, 26, 4, 255]).collect();
    for input in [
        &all[..],
        b"",
        b"x",
        b"\n",
        b"no line break",
        b"\0",
        b"\xff\xfe",
    ] {
        let input = Bytes::copy_from_slice(input);
        for request in [shop.words(["cat"]), shop.line("cat")] {
            let output = shop.run(&request.stdin(input.clone())).await;
            assert_eq!(bytes_of(&output.stdout), input);
        }
    }
}

async fn a_hundred_megabytes_arrive(shop: &Workshop) {
    let input = numbers(25_000_000);
    let request = shop.line("tee copy | wc -c").stdin(input.clone());
    assert_eq!(shop.printed(&request).await.trim(), "100000000");
    for (number, wanted) in input.chunks(10_000_000).enumerate() {
        let skip = number * 10;
        let line = format!("dd if=copy bs=1000000 skip={skip} count=10 2> /dev/null");
        let output = shop.run(&shop.line(line).output_bytes(wanted.len())).await;
        assert!(
            bytes_of(&output.stdout) == wanted,
            "the part from {skip} MB on"
        );
    }
    shop.says("rm copy").await;
}

async fn input_and_output_flow_at_the_same_time(shop: &Workshop) {
    let input = numbers(2_500_000);
    for request in [
        shop.words(["cat"]),
        shop.line("cat"),
        shop.line("cat | cat | cat"),
    ] {
        let request = request.stdin(input.clone()).output_bytes(1000);
        let output = shop.run(&request).await;
        assert_eq!(output.status, ExecStatus::Exited(0));
        assert_eq!(output.stdout.total(), input.len() as u64);
        assert_eq!(output.stdout.head, input[..500]);
        assert_eq!(output.stdout.tail, input[input.len() - 500..]);
    }
}

async fn a_command_may_leave_input_unread(shop: &Workshop) {
    let input = Bytes::from(vec![b'x'; 10_000_000]);
    for (line, code) in [
        ("printf xxx", 0),
        ("head -c 3", 0),
        ("exec 0<&-; printf xxx", 0),
        ("head -c 3; exit 7", 7),
        ("head -c 70000 > /dev/null; printf xxx; exit 9", 9),
    ] {
        let output = shop.run(&shop.line(line).stdin(input.clone())).await;
        assert_eq!(
            output.status,
            ExecStatus::Exited(code),
            "{line}: {output:?}"
        );
        assert_eq!(output.stdout.to_text(), "xxx", "{line}");
    }
}

async fn a_command_that_never_reads_times_out(shop: &Workshop) {
    let request = shop.line("sleep 5000").stdin(vec![b'x'; 10_000_000]);
    let output = shop.run(&request.timeout(Duration::from_millis(300))).await;
    assert_eq!(output.status, ExecStatus::TimedOut);
}

async fn children_share_the_input(shop: &Workshop) {
    let request = shop
        .line("read a; read b; echo \"$b $a\"; cat")
        .stdin("one\ntwo\nthree\n");
    assert_eq!(shop.printed(&request).await, "two one\nthree\n");
}
