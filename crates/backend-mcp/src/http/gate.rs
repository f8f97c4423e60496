//! The checks of a request before it reaches the protocol: the token first, then the path.
//!
//! Host, origin and body size are checked behind it.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode};
use rmcp::transport::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;

use super::token::Token;
use crate::connection::Connection;

/// An answer.
pub(super) type Answer = Response<BoxBody<Bytes, Infallible>>;

/// The scheme of the token, in any case of letters.
const SCHEME: &[u8] = b"bearer ";

/// The protocol service behind the checks.
pub(super) struct Gate {
    path: &'static str,
    token: Token,
    service: StreamableHttpService<Connection, LocalSessionManager>,
}

impl Gate {
    pub(super) fn new(
        path: &'static str,
        token: Token,
        service: StreamableHttpService<Connection, LocalSessionManager>,
    ) -> Self {
        Self {
            path,
            token,
            service,
        }
    }

    /// Answers a request.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        if !self.knows(request.headers()) {
            return refused();
        }
        if request.uri().path() != self.path {
            return plain(StatusCode::NOT_FOUND, "Not Found");
        }
        let ends_session = request.method() == Method::DELETE;
        let mut answer = self.service.handle(request).await;
        if ends_session && answer.status() == StatusCode::ACCEPTED {
            // It has been done: clients take 202 for a session that could not be ended.
            *answer.status_mut() = StatusCode::NO_CONTENT;
        }
        answer
    }

    /// Returns whether a request has the token, once. It is compared as bytes: a header that is not text is a wrong
    /// token.
    fn knows(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let value = value.as_bytes();
        match value.split_at_checked(SCHEME.len()) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => {
                self.token.is(token.trim_ascii())
            }
            _ => false,
        }
    }
}

/// The answer to a request without the token. The connection ends with it.
fn refused() -> Answer {
    let mut answer = plain(
        StatusCode::UNAUTHORIZED,
        "Unauthorized: a bearer token is needed",
    );
    let headers = answer.headers_mut();
    headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())).boxed());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    answer
}
