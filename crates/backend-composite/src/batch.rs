//! Many reads or writes at once: one batch for each backend, all batches at the same time.

use backend_core::{
    Backend, Error, ErrorKind, ReadRequest, Result, TextPage, VirtualPath, WriteRequest, Written,
};
use futures_util::future::{BoxFuture, join_all};

use crate::CompositeBackend;
use crate::outward::Outward;
use crate::routes::Mount;
use crate::shadow::{Wants, inner};

impl<D: Backend + ?Sized> CompositeBackend<D> {
    pub(crate) async fn read_many(&self, requests: &[ReadRequest]) -> Vec<Result<TextPage>> {
        self.in_batches(requests).await
    }

    pub(crate) async fn write_many(&self, requests: &[WriteRequest]) -> Vec<Result<Written>> {
        self.in_batches(requests).await
    }

    async fn in_batches<R: Batched>(&self, requests: &[R]) -> Vec<Result<R::Outcome>> {
        let mut refused = Vec::new();
        let mut batches: Vec<Batch<'_, R>> = Vec::new();
        for (place, request) in requests.iter().enumerate() {
            if let Some(error) = request.refuse(self) {
                refused.push((place, Err(error)));
                continue;
            }
            let mount = self.routes.owner(request.path());
            let moved = request.moved(inner(mount, request.path()));
            let is_same = |batch: &&mut Batch<'_, R>| {
                batch.mount.map(|mount| &mount.at) == mount.map(|mount| &mount.at)
            };
            match batches.iter_mut().find(is_same) {
                Some(batch) => {
                    batch.places.push(place);
                    batch.requests.push(moved);
                }
                None => batches.push(Batch {
                    mount,
                    places: vec![place],
                    requests: vec![moved],
                }),
            }
        }
        let answered = join_all(batches.iter().map(|batch| self.ask_batch(batch))).await;
        let mut outcomes: Vec<_> = answered.into_iter().flatten().chain(refused).collect();
        outcomes.sort_by_key(|(place, _)| *place);
        let mut explained = Vec::with_capacity(outcomes.len());
        for ((_, outcome), request) in outcomes.into_iter().zip(requests) {
            explained.push(match outcome {
                Err(error) if error.kind() == ErrorKind::NotADirectory => {
                    Err(self.explain(request.path(), error, R::WANTS).await)
                }
                outcome => outcome,
            });
        }
        explained
    }

    /// Returns an outcome for each request of a batch, with its index, whatever the backend returns.
    async fn ask_batch<R: Batched>(
        &self,
        batch: &Batch<'_, R>,
    ) -> Vec<(usize, Result<R::Outcome>)> {
        let answers = R::ask(self.backend_of(batch.mount), &batch.requests).await;
        let silent = || {
            Err(Error::internal(
                None,
                "the backend returned fewer outcomes than requested",
            ))
        };
        let answers = answers.into_iter().map(|outcome| match batch.mount {
            None => outcome,
            Some(mount) => outcome
                .map(|outcome| outcome.outward(mount))
                .map_err(|error| error.outward(mount)),
        });
        batch
            .places
            .iter()
            .copied()
            .zip(answers.chain(std::iter::repeat_with(silent)))
            .collect()
    }
}

/// The requests for one backend, and their indices among all.
struct Batch<'a, R> {
    mount: Option<&'a Mount>,
    places: Vec<usize>,
    requests: Vec<R>,
}

/// A request that comes in batches.
trait Batched: Clone + Send + Sync {
    type Outcome: Outward + Send;

    const WANTS: Wants;

    fn path(&self) -> &VirtualPath;

    fn moved(&self, path: VirtualPath) -> Self;

    /// Returns why it is refused, before asking its backend.
    fn refuse<D: Backend + ?Sized>(&self, composite: &CompositeBackend<D>) -> Option<Error>;

    fn ask<'a>(
        backend: &'a dyn Backend,
        requests: &'a [Self],
    ) -> BoxFuture<'a, Vec<Result<Self::Outcome>>>;
}

impl Batched for ReadRequest {
    type Outcome = TextPage;

    const WANTS: Wants = Wants::ToLook;

    fn path(&self) -> &VirtualPath {
        &self.path
    }

    fn moved(&self, path: VirtualPath) -> Self {
        let mut moved = self.clone();
        moved.path = path;
        moved
    }

    fn refuse<D: Backend + ?Sized>(&self, composite: &CompositeBackend<D>) -> Option<Error> {
        let is_above = composite.routes.is_above(&self.path);
        is_above.then(|| Error::is_a_directory(&self.path))
    }

    fn ask<'a>(
        backend: &'a dyn Backend,
        requests: &'a [Self],
    ) -> BoxFuture<'a, Vec<Result<TextPage>>> {
        backend.read_many_with(requests)
    }
}

impl Batched for WriteRequest {
    type Outcome = Written;

    const WANTS: Wants = Wants::ToPut;

    fn path(&self) -> &VirtualPath {
        &self.path
    }

    fn moved(&self, path: VirtualPath) -> Self {
        let mut moved = self.clone();
        moved.path = path;
        moved
    }

    fn refuse<D: Backend + ?Sized>(&self, composite: &CompositeBackend<D>) -> Option<Error> {
        composite.refuse_write(self)
    }

    fn ask<'a>(
        backend: &'a dyn Backend,
        requests: &'a [Self],
    ) -> BoxFuture<'a, Vec<Result<Written>>> {
        backend.write_many_with(requests)
    }
}
