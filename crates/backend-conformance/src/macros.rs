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
        mod $name {
            #[allow(unused_imports, reason = "the factory may need nothing from here")]
            use super::*;

            fn subject() -> ::std::pin::Pin<
                ::std::boxed::Box<
                    dyn ::std::future::Future<Output = $crate::Subject> + ::std::marker::Send,
                >,
            > {
                $crate::__private::make($factory)
            }

            #[test]
            fn all_laws_are_counted() {
                $crate::__private::count(::std::module_path!(), false, subject);
            }

            $crate::__each_file_area! { __tests_of_area [] }
        }
    };
}

/// Makes a module of tests, one for each law about read-only backends.
///
/// The second argument is as that of [`file_laws!`](crate::file_laws), but the backend is read-only and shows a tree
/// that [`populate`](crate::populate) made.
#[macro_export]
macro_rules! read_only_laws {
    ($name:ident, $factory:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports, reason = "the factory may need nothing from here")]
            use super::*;

            fn subject() -> ::std::pin::Pin<
                ::std::boxed::Box<
                    dyn ::std::future::Future<Output = $crate::Subject> + ::std::marker::Send,
                >,
            > {
                $crate::__private::make($factory)
            }

            #[test]
            fn all_laws_are_counted() {
                $crate::__private::count(::std::module_path!(), true, subject);
            }

            $crate::__read_only_laws! { __tests_of_area [] }
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
                    $crate::__private::run(::std::stringify!($id), super::subject);
                }
            )*
        }
    };
}

/// Makes the registry of one area, in the module that has its laws.
macro_rules! registry_of_area {
    ([] $area:ident; $($id:ident $law:ident $([$($need:ident)*])? $statement:literal;)*) => {
        pub(super) const LAWS: &[$crate::Law] = &[
            $(
                $crate::Law {
                    id: stringify!($id),
                    name: stringify!($law),
                    statement: $statement,
                    needs: &[$($($crate::Need::$need),*)?],
                    check: |workspace| Box::pin($law(workspace)),
                },
            )*
        ];
    };
}

pub(crate) use registry_of_area;
