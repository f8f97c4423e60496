//! The list of operations for types that pass them on: a wrapper says once how, and writes out only what differs.

use std::pin::Pin;

/// The future of an operation, as `async_trait` names it.
#[doc(hidden)]
pub type OperationFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Implements operations of [`Backend`](crate::Backend) or [`Sandbox`](crate::Sandbox) that a type passes on in the same way.
///
/// It stands in an `impl` below `#[async_trait]`, beside the methods that differ. It takes groups of operations, and the name of
/// a macro of yours that is the body of each: `around!(self, stat_with(request))`. The body may use `.await` and `?`. The groups:
///
/// | group | of | operations |
/// |---|---|---|
/// | `reads` | `Backend` | `stat_with`, `resolve_with`, `ls_with`, `read_with`, `read_bytes_with`, `glob_with`, `grep_with` |
/// | `changes` | `Backend` | `write_with`, `edit_with`, `delete_with`, `rename_with`, `mkdir_with` |
/// | `batches` | `Backend` | `read_many_with`, `write_many_with`: they return a result for each request, so `?` cannot be used |
/// | `commands` | `Sandbox` | `execute_with`, `spawn_with` |
/// | `processes` | `Sandbox` | `processes`, `read_output`, `write_stdin`, `signal`, `resize` |
///
/// With `#[deny(clippy::missing_trait_methods)]` on the `impl`, an operation that is added to the traits does not compile
/// until it is in a group, or written out.
///
/// # Examples
///
/// A backend that logs what is read, and passes on everything:
///
/// ```
/// use async_trait::async_trait;
/// use backend_core::{Backend, Capabilities, VirtualPath, delegate};
///
/// #[derive(Debug)]
/// struct Logged<B>(B);
///
/// macro_rules! logged {
///     ($self:ident, $operation:ident($request:expr)) => {{
///         println!("{}: {:?}", stringify!($operation), $request);
///         $self.0.$operation($request).await
///     }};
/// }
///
/// macro_rules! passed_on {
///     ($self:ident, $operation:ident($request:expr)) => {
///         $self.0.$operation($request).await
///     };
/// }
///
/// #[async_trait]
/// impl<B: Backend> Backend for Logged<B> {
///     fn capabilities(&self) -> Capabilities {
///         self.0.capabilities()
///     }
///     fn work_dir(&self) -> VirtualPath {
///         self.0.work_dir()
///     }
///     delegate!(reads by logged);
///     delegate!(changes, batches by passed_on);
/// }
/// ```
#[macro_export]
macro_rules! delegate {
    ($($group:ident),+ by $around:ident) => {
        $($crate::__delegate_group!($group by $around);)+
    };
}

/// Lists the operations of a group.
#[doc(hidden)]
#[macro_export]
macro_rules! __delegate_group {
    (reads by $around:ident) => {
        $crate::__delegate_operation!($around: stat_with($crate::StatRequest) -> $crate::Result<$crate::Entry>);
        $crate::__delegate_operation!($around: resolve_with($crate::ResolveRequest) -> $crate::Result<$crate::Resolved>);
        $crate::__delegate_operation!($around: ls_with($crate::LsRequest) -> $crate::Result<$crate::Page<$crate::Entry>>);
        $crate::__delegate_operation!($around: read_with($crate::ReadRequest) -> $crate::Result<$crate::TextPage>);
        $crate::__delegate_operation!($around: read_bytes_with($crate::ReadBytesRequest) -> $crate::Result<$crate::Content>);
        $crate::__delegate_operation!($around: glob_with($crate::GlobRequest) -> $crate::Result<$crate::Page<$crate::Entry>>);
        $crate::__delegate_operation!($around: grep_with($crate::GrepRequest) -> $crate::Result<$crate::Grepped>);
    };
    (changes by $around:ident) => {
        $crate::__delegate_operation!($around: write_with($crate::WriteRequest) -> $crate::Result<$crate::Written>);
        $crate::__delegate_operation!($around: edit_with($crate::EditRequest) -> $crate::Result<$crate::Edited>);
        $crate::__delegate_operation!($around: delete_with($crate::DeleteRequest) -> $crate::Result<$crate::Deleted>);
        $crate::__delegate_operation!($around: rename_with($crate::RenameRequest) -> $crate::Result<$crate::Renamed>);
        $crate::__delegate_operation!($around: mkdir_with($crate::MkdirRequest) -> $crate::Result<$crate::MadeDirectory>);
    };
    (batches by $around:ident) => {
        $crate::__delegate_operation!($around: read_many_with([$crate::ReadRequest]) -> Vec<$crate::Result<$crate::TextPage>>);
        $crate::__delegate_operation!($around: write_many_with([$crate::WriteRequest]) -> Vec<$crate::Result<$crate::Written>>);
    };
    (commands by $around:ident) => {
        $crate::__delegate_operation!($around: execute_with($crate::ExecRequest) -> $crate::Result<$crate::ExecOutput>);
        $crate::__delegate_operation!($around: spawn_with($crate::ExecRequest) -> $crate::Result<$crate::ProcessInfo>);
    };
    (processes by $around:ident) => {
        $crate::__delegate_operation!($around: processes() -> $crate::Result<Vec<$crate::ProcessInfo>>);
        $crate::__delegate_operation!($around: read_output($crate::OutputRequest) -> $crate::Result<$crate::ProcessOutput>);
        $crate::__delegate_operation!($around: write_stdin($crate::StdinRequest) -> $crate::Result<()>);
        $crate::__delegate_operation!($around: signal($crate::ProcessId, signal: $crate::Signal) -> $crate::Result<()>);
        $crate::__delegate_operation!($around: resize($crate::ProcessId, size: $crate::TerminalSize) -> $crate::Result<()>);
    };
}

/// Implements an operation. The signature is the one that `async_trait` gives the method in the trait.
#[doc(hidden)]
#[macro_export]
macro_rules! __delegate_operation {
    ($around:ident: $name:ident() -> $outcome:ty) => {
        fn $name<'life0, 'async_trait>(
            &'life0 self,
        ) -> $crate::__OperationFuture<'async_trait, $outcome>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            ::std::boxed::Box::pin(async move {
                $crate::__delegate_typed!($outcome);
                $around!(self, $name())
            })
        }
    };
    ($around:ident: $name:ident($first:ty $(, $more:ident: $type:ty)?) -> $outcome:ty) => {
        fn $name<'life0, 'life1, 'async_trait>(
            &'life0 self,
            first: &'life1 $first
            $(, $more: $type)?
        ) -> $crate::__OperationFuture<'async_trait, $outcome>
        where
            'life0: 'async_trait,
            'life1: 'async_trait,
            Self: 'async_trait,
        {
            ::std::boxed::Box::pin(async move {
                $crate::__delegate_typed!($outcome);
                $around!(self, $name(first $(, $more)?))
            })
        }
    };
}

/// Tells the compiler the type of the outcome, which it does not infer for `?` in an async block.
#[doc(hidden)]
#[macro_export]
macro_rules! __delegate_typed {
    ($outcome:ty) => {
        if let ::std::option::Option::Some(outcome) = ::std::option::Option::None::<$outcome> {
            return outcome;
        }
    };
}
