//! The macros by which an implementation runs the suites.

/// Makes a module of tests, one for each law about files, for one kind of backend.
///
/// The second argument is a closure without arguments that returns a future of a fresh, empty, writable backend, or of
/// a [`Subject`](crate::Subject). It is called once for each law, within a multi-threaded tokio runtime. Names in it are
/// those of the place where the macro is used.
///
/// # Examples
///
/// ```
/// use backend_state::StateBackend;
///
/// backend_conformance::file_laws!(state, || async { StateBackend::new() });
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! file_laws {
    ($name:ident, $factory:expr $(,)?) => {
        $crate::__suite! { $name, $factory, Files, __each_file_area }
    };
}

/// Makes a module of tests, one for each law about read-only backends.
///
/// The second argument is like that of [`file_laws!`](crate::file_laws), but the backend is read-only and shows a tree
/// that [`populate`](crate::populate) made.
#[macro_export]
macro_rules! read_only_laws {
    ($name:ident, $factory:expr $(,)?) => {
        $crate::__suite! { $name, $factory, ReadOnly, __read_only_laws }
    };
}

/// Makes a module of tests, one for each law about commands, for one kind of sandbox.
///
/// The second argument is like that of [`file_laws!`](crate::file_laws), but the subject is made by
/// [`Subject::sandbox`](crate::Subject::sandbox). A sandbox runs `/bin/sh` and has the tools that POSIX requires.
///
/// # Examples
///
/// ```
/// # #[cfg(target_os = "linux")]
/// # mod tests {
/// use backend_conformance::Subject;
/// use backend_state::StateBackend;
/// use sandbox_local::LocalSandbox;
///
/// backend_conformance::sandbox_laws!(laws, || async {
///     let sandbox = LocalSandbox::builder_without_isolation(StateBackend::new()).build();
///     Subject::sandbox(sandbox.unwrap()).files_apart()
/// });
/// # }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! sandbox_laws {
    ($name:ident, $factory:expr $(,)?) => {
        $crate::__suite! { $name, $factory, Commands, __each_command_area }
    };
}

/// Makes the module of a suite. Its own names do not collide with those that the factory uses.
#[doc(hidden)]
#[macro_export]
macro_rules! __suite {
    ($name:ident, $factory:expr, $suite:ident, $areas:ident) => {
        mod $name {
            #[allow(unused_imports, reason = "the factory may need nothing from here")]
            use super::*;

            fn __subject() -> ::std::pin::Pin<
                ::std::boxed::Box<
                    dyn ::std::future::Future<Output = $crate::Subject> + ::std::marker::Send,
                >,
            > {
                $crate::__private::make($factory)
            }

            const __PLACE: $crate::__private::Place = $crate::__private::Place {
                package: ::std::env!("CARGO_PKG_NAME"),
                module: ::std::module_path!(),
            };

            #[test]
            fn all_laws_are_counted() {
                $crate::__private::count(__PLACE, $crate::Suite::$suite, __subject);
            }

            $crate::$areas! { __tests_of_area [] }
        }
    };
}

/// Makes the tests of one area. A law looks like `ID name [Needs] "statement";`.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests_of_area {
    ([] $area:ident; $($id:ident $law:ident $([$($need:ident)*])? $statement:literal;)*) => {
        mod $area {
            $(
                #[test]
                fn $law() {
                    $crate::__private::run(
                        super::__PLACE,
                        ::std::stringify!($id),
                        super::__subject,
                    );
                }
            )*
        }
    };
}

/// Makes the registry of one area, in the module that has its laws. The first argument is the kind of their subject.
macro_rules! registry_of_area {
    ([$check:ident] $area:ident; $($id:ident $law:ident $([$($need:ident)*])? $statement:literal;)*) => {
        pub(super) const LAWS: &[$crate::Law] = &[
            $(
                $crate::Law {
                    id: stringify!($id),
                    name: stringify!($law),
                    statement: $statement,
                    needs: &[$($($crate::Need::$need),*)?],
                    check: $crate::Check::$check(|subject| Box::pin($law(subject))),
                },
            )*
        ];
    };
}

pub(crate) use registry_of_area;
