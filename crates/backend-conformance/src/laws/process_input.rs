//! Laws about the input of a process, written while it runs.

use std::time::Duration;

use backend_core::{ErrorKind, ExecStatus, OutputRequest, Signal, StdinRequest};

use crate::Workshop;
use crate::workspace::refused;

#[doc(hidden)]
#[macro_export]
macro_rules! __process_input_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args process_input;
            PI1 input_arrives_in_order [Processes]
                "What is written arrives in order, after the input of the request, byte for byte.";
            PI2 input_is_open_until_it_is_closed [Processes]
                "The input stays open when all of it was read; `close` ends it, with or without last bytes.";
            PI3 closed_input_takes_nothing [Processes]
                "After a `close`, writing and closing are `invalid_request`.";
            PI4 an_ended_process_takes_no_input [Processes]
                "Writing to a process that has ended, or closing its input, is `invalid_request`.";
            PI5 much_input_waits_for_the_process [Processes]
                "A write of more than a pipe holds waits until the process has read it.";
            PI6 a_write_does_not_outlive_the_process [Processes]
                "A write that waits for a process that is killed is `invalid_request`.";
        }
    };
}

crate::__process_input_laws! { registry_of_area [Commands] }

async fn input_arrives_in_order(shop: &Workshop) {
    let process = shop.start(&shop.words(["cat"]).stdin("first ")).await;
    for number in 0..20 {
        shop.type_in(&process, format!("{number} ")).await;
    }
    shop.type_in(&process, (0..=255).collect::<Vec<u8>>()).await;
    let mut last = StdinRequest::write(process.clone(), "last");
    last.close = true;
    shop.write_stdin(&last).await.unwrap();
    let mut wanted = b"first ".to_vec();
    for number in 0..20 {
        wanted.extend(format!("{number} ").bytes());
    }
    wanted.extend(0..=255);
    wanted.extend(b"last");
    let (out, _, status) = shop.read_all(&process).await;
    assert_eq!(out, wanted);
    assert_eq!(status, ExecStatus::Exited(0));
}

async fn input_is_open_until_it_is_closed(shop: &Workshop) {
    let process = shop.start(&shop.words(["cat"]).stdin("some")).await;
    let cursor = shop.read_until(&process, 0, "some").await;
    let request = OutputRequest::new(process.clone()).cursor(cursor);
    let output = shop
        .read_output(&request.wait(Duration::from_millis(300)))
        .await
        .unwrap();
    assert_eq!(output.status, None);
    shop.type_in(&process, "").await;
    shop.type_in(&process, "more").await;
    shop.read_until(&process, cursor, "more").await;
    shop.write_stdin(&StdinRequest::close(process.clone()))
        .await
        .unwrap();
    let (out, _, status) = shop.read_all(&process).await;
    assert_eq!(
        (&out[..], status),
        (&b"somemore"[..], ExecStatus::Exited(0))
    );
}

async fn closed_input_takes_nothing(shop: &Workshop) {
    let process = shop.start(&shop.line("cat; sleep 5000")).await;
    let close = StdinRequest::close(process.clone());
    shop.write_stdin(&close).await.unwrap();
    refused(shop.write_stdin(&close).await, ErrorKind::InvalidRequest);
    let write = StdinRequest::write(process, "x");
    refused(shop.write_stdin(&write).await, ErrorKind::InvalidRequest);
}

async fn an_ended_process_takes_no_input(shop: &Workshop) {
    let process = shop.start(&shop.line("exit 0")).await;
    shop.read_all(&process).await;
    let write = StdinRequest::write(process.clone(), "x");
    refused(shop.write_stdin(&write).await, ErrorKind::InvalidRequest);
    let close = StdinRequest::close(process);
    refused(shop.write_stdin(&close).await, ErrorKind::InvalidRequest);
}

async fn much_input_waits_for_the_process(shop: &Workshop) {
    let process = shop
        .start(&shop.line("sleep 0.5; head -c 5000000 | wc -c; read x"))
        .await;
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|number| number as u8).collect();
    shop.type_in(&process, bytes).await;
    shop.read_until(&process, 0, "5000000").await;
}

async fn a_write_does_not_outlive_the_process(shop: &Workshop) {
    let process = shop.start(&shop.line("sleep 5000")).await;
    let request = StdinRequest::write(process.clone(), vec![b'x'; 5_000_000]);
    let (written, ()) = tokio::join!(shop.write_stdin(&request), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        shop.signal(&process, Signal::Kill).await.unwrap();
    });
    refused(written, ErrorKind::InvalidRequest);
}
