//! Parts of texts whose bounds were computed from the same text.
//!
//! A bound that is wrong is a bug, and what an empty part in its place would do to a file is worse than a panic: the text would
//! be silently wrong. So these panic, in tests, under the fuzzers and in use; nothing else in the crate does.

use std::slice::SliceIndex;

/// A text or its bytes.
pub(crate) trait Slice {
    /// Returns the part in a range that the caller computed, and panics if there is none.
    #[track_caller]
    fn slice<I: SliceIndex<Self>>(&self, range: I) -> &I::Output;
}

#[allow(
    clippy::indexing_slicing,
    reason = "an empty text in place of a wrong bound would be written into files"
)]
impl Slice for str {
    #[inline]
    fn slice<I: SliceIndex<Self>>(&self, range: I) -> &I::Output {
        &self[range]
    }
}

#[allow(
    clippy::indexing_slicing,
    reason = "an empty text in place of a wrong bound would be written into files"
)]
impl<T> Slice for [T] {
    #[inline]
    fn slice<I: SliceIndex<Self>>(&self, range: I) -> &I::Output {
        &self[range]
    }
}
