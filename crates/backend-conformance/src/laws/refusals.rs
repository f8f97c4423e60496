//! Laws about requests that cannot run.

use std::time::Duration;

use backend_core::{Backend, ErrorKind, ExecRequest};

use crate::Workshop;

#[doc(hidden)]
#[macro_export]
macro_rules! __refusal_laws {
    ($then:ident $args:tt) => {
        $crate::$then! { $args refusals;
            CR1 a_command_needs_a_program
                "An empty `argv` is `invalid_request`; one whose program is the empty word is not.";
            CR2 no_word_has_a_nul
                "A NUL in a line, a word, or the name or value of a variable is `invalid_request`.";
            CR3 a_variable_needs_a_name
                "A variable whose name is empty or has a `=` in it is `invalid_request`.";
            CR4 a_timeout_of_zero_is_refused
                "A timeout of zero is `invalid_request`: it means neither no timeout nor one that has passed.";
            CR5 no_other_user_runs_it
                "A user that the sandbox cannot run as is `invalid_request` or `unsupported`, and no other user runs it instead.";
            CR6 a_refused_command_has_not_run
                "A request that is refused has done nothing, and is refused in the same words each time.";
        }
    };
}

crate::__refusal_laws! { registry_of_area [Commands] }

async fn a_command_needs_a_program(shop: &Workshop) {
    let nothing = shop.words(Vec::<String>::new());
    shop.refuses(&nothing, ErrorKind::InvalidRequest).await;
    assert!(shop.execute(&shop.words([""])).await.is_ok());
}

async fn no_word_has_a_nul(shop: &Workshop) {
    for request in [
        shop.line("echo a\0b"),
        shop.line("\0"),
        shop.words(["echo\0", "a"]),
        shop.words(["echo", "a\0b"]),
        shop.line("true").env("A", "x\0"),
        shop.line("true").env("A\0B", "x"),
    ] {
        shop.refuses(&request, ErrorKind::InvalidRequest).await;
    }
}

async fn a_variable_needs_a_name(shop: &Workshop) {
    for name in ["", "=", "A=B", "=A", "A="] {
        let request = shop.line("true").env(name, "x");
        shop.refuses(&request, ErrorKind::InvalidRequest).await;
    }
}

async fn a_timeout_of_zero_is_refused(shop: &Workshop) {
    let request = shop.line("true").timeout(Duration::ZERO);
    shop.refuses(&request, ErrorKind::InvalidRequest).await;
}

async fn no_other_user_runs_it(shop: &Workshop) {
    for user in [
        "no-such-user-of-this-law",
        "",
        "a b",
        "0:no-such-group-of-this-law",
        "-1",
    ] {
        let request = shop.line("echo run > ran").user(user);
        let error = shop.execute(&request).await.expect_err(user);
        let kinds = [ErrorKind::InvalidRequest, ErrorKind::Unsupported];
        assert!(kinds.contains(&error.kind()), "{user:?}: {error}");
        if shop.sandbox().capabilities().processes {
            shop.spawn(&request).await.expect_err(user);
        }
    }
    assert_eq!(shop.says("test -e ran || echo no").await, "no\n");
}

async fn a_refused_command_has_not_run(shop: &Workshop) {
    let line = || shop.line("echo run > ran");
    let requests: [ExecRequest; 4] = [
        line().timeout(Duration::ZERO),
        line().env("A=B", ""),
        line().env("A", "\0"),
        shop.line("echo run > ran\0"),
    ];
    for request in &requests {
        let first = shop.execute(request).await.unwrap_err().to_string();
        for _ in 0..3 {
            let error = shop.execute(request).await.unwrap_err();
            assert_eq!(error.to_string(), first);
        }
    }
    assert_eq!(shop.says("test -e ran || echo no").await, "no\n");
}
