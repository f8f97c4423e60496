//! Batches: each item is checked separately, and the allowed ones run together.

use backend_core::{Backend, Error, ReadRequest, Result, TextPage, WriteRequest, Written};

use super::Guarded;
use super::case::{Case, Pass};
use super::lead::Last;
use crate::Method;

impl<B: Backend> Guarded<B> {
    pub(super) async fn read_many(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        let mut passes = Vec::with_capacity(requests.len());
        for request in requests {
            passes.push(self.admit(Method::Read, &request.path).await);
        }
        let allowed = allowed(requests, &passes);
        let pages = self.inner.read_many_with(&allowed).await;
        let mut outcomes = put_back(&passes, pages);
        for (outcome, pass) in outcomes.iter_mut().zip(&passes) {
            if let (Ok(_), Ok(pass)) = (&outcome, pass)
                && let Err(error) = pass.confirm().await
            {
                *outcome = Err(error);
            }
        }
        outcomes
    }

    pub(super) async fn write_many(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        let mut passes = Vec::with_capacity(requests.len());
        for request in requests {
            passes.push(self.admit(Method::Write, &request.path).await);
        }
        let allowed = allowed(requests, &passes);
        let written = self.inner.write_many_with(&allowed).await;
        put_back(&passes, written)
    }

    /// Checks a method that acts on one path and follows links.
    pub(super) async fn admit(
        &self,
        method: Method,
        path: &backend_core::VirtualPath,
    ) -> Result<Pass<'_, B>> {
        let mut case = Case::new(self, method, path);
        case.need(method.needs(), path, Last::Follow).await?;
        case.settle().await
    }
}

fn allowed<T: Clone, B>(requests: &[T], passes: &[Result<Pass<'_, B>>]) -> Vec<T> {
    let both = requests.iter().zip(passes);
    both.filter(|(_, pass)| pass.is_ok())
        .map(|(request, _)| request.clone())
        .collect()
}

/// Merges the outcomes of the allowed items with the refusals of the others.
fn put_back<T, B>(passes: &[Result<Pass<'_, B>>], done: Vec<Result<T>>) -> Vec<Result<T>> {
    let mut done = done.into_iter();
    let lost = || {
        Err(Error::internal(
            None,
            "the batch has fewer outcomes than items",
        ))
    };
    passes
        .iter()
        .map(|pass| match pass {
            Ok(_) => done.next().unwrap_or_else(lost),
            Err(error) => Err(error.clone()),
        })
        .collect()
}
