//! Batches: each item is checked separately, and the allowed ones run together.

use backend_core::{Backend, Error, ReadRequest, Result, TextPage, WriteRequest, Written};

use super::Guarded;
use super::authorization::{Authorization, Authorized};
use super::link::FollowLast;
use crate::Method;

impl<B: Backend> Guarded<B> {
    pub(super) async fn read_many(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        let mut authorized = Vec::with_capacity(requests.len());
        for request in requests {
            authorized.push(self.authorize_path(Method::Read, &request.path).await);
        }
        let allowed = allowed(requests, &authorized);
        let pages = self.inner.read_many_with(&allowed).await;
        let mut outcomes = put_back(&authorized, pages);
        for (outcome, authorized) in outcomes.iter_mut().zip(&authorized) {
            if let (Ok(_), Ok(authorized)) = (&outcome, authorized)
                && let Err(error) = authorized.recheck().await
            {
                *outcome = Err(error);
            }
        }
        outcomes
    }

    pub(super) async fn write_many(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        let mut authorized = Vec::with_capacity(requests.len());
        for request in requests {
            authorized.push(self.authorize_path(Method::Write, &request.path).await);
        }
        let allowed = allowed(requests, &authorized);
        let written = self.inner.write_many_with(&allowed).await;
        put_back(&authorized, written)
    }

    /// Checks a method that acts on one path and follows links.
    pub(super) async fn authorize_path(
        &self,
        method: Method,
        path: &backend_core::VirtualPath,
    ) -> Result<Authorized<'_, B>> {
        let mut authorization = Authorization::new(self, method, path);
        authorization
            .need(method.needs(), path, FollowLast::Yes)
            .await?;
        authorization.authorize().await
    }
}

fn allowed<T: Clone, B>(requests: &[T], authorized: &[Result<Authorized<'_, B>>]) -> Vec<T> {
    let both = requests.iter().zip(authorized);
    both.filter(|(_, authorized)| authorized.is_ok())
        .map(|(request, _)| request.clone())
        .collect()
}

/// Merges the outcomes of the allowed items with the refusals of the others.
fn put_back<T, B>(
    authorized: &[Result<Authorized<'_, B>>],
    done: Vec<Result<T>>,
) -> Vec<Result<T>> {
    let mut done = done.into_iter();
    let lost = || {
        Err(Error::internal(
            None,
            "the batch has fewer outcomes than items",
        ))
    };
    authorized
        .iter()
        .map(|authorized| match authorized {
            Ok(_) => done.next().unwrap_or_else(lost),
            Err(error) => Err(error.clone()),
        })
        .collect()
}
