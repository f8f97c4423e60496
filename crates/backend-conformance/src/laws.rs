//! The laws, by area. Each file starts with the list of its laws, from which the tests, the registry and the table in
//! `docs/contract.md` are made.

use crate::Area;

mod batch;
mod concurrency;
mod delete;
mod edit;
mod edit_lines;
mod edit_refused;
mod edit_text;
mod errors;
mod glob;
mod glob_scope;
mod grep;
mod grep_scope;
mod grep_text;
mod links;
mod listing;
mod mkdir;
mod paths;
mod read;
mod read_bytes;
pub(crate) mod read_only;
mod rename;
mod skipping;
mod text;
mod versions;
mod write;

/// Names the areas once: for the registry here, and for whoever makes tests of them.
macro_rules! areas {
    ($($area:ident $title:literal;)*) => {
        pub(crate) const AREAS: &[Area] = &[
            $(
                Area {
                    name: stringify!($area),
                    title: $title,
                    read_only: false,
                    laws: $area::LAWS,
                },
            )*
            Area {
                name: "read_only",
                title: "Read-only backends",
                read_only: true,
                laws: read_only::LAWS,
            },
        ];
    };
}

areas! {
    paths "Paths";
    listing "Entries and listings";
    read "Windows of lines";
    text "What text is";
    read_bytes "Bytes";
    write "Writes";
    versions "Versions";
    edit "Exact edits";
    edit_refused "Exact edits that are refused";
    edit_text "What an edit keeps";
    edit_lines "Edits by line and hash";
    delete "Deletes";
    rename "Renames";
    mkdir "Directories";
    batch "Batches";
    glob "Globs";
    glob_scope "Where a glob looks";
    skipping "What searches skip";
    grep "Greps";
    grep_scope "Where a grep looks";
    grep_text "What a grep takes for text";
    links "Symbolic links";
    errors "Errors";
    concurrency "Concurrency and cancellation";
}

/// Hands the list of each writable area to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_file_area {
    ($then:ident $args:tt) => {
        $crate::__path_laws! { $then $args }
        $crate::__listing_laws! { $then $args }
        $crate::__read_laws! { $then $args }
        $crate::__text_laws! { $then $args }
        $crate::__read_bytes_laws! { $then $args }
        $crate::__write_laws! { $then $args }
        $crate::__version_laws! { $then $args }
        $crate::__edit_laws! { $then $args }
        $crate::__edit_refused_laws! { $then $args }
        $crate::__edit_text_laws! { $then $args }
        $crate::__edit_lines_laws! { $then $args }
        $crate::__delete_laws! { $then $args }
        $crate::__rename_laws! { $then $args }
        $crate::__mkdir_laws! { $then $args }
        $crate::__batch_laws! { $then $args }
        $crate::__glob_laws! { $then $args }
        $crate::__glob_scope_laws! { $then $args }
        $crate::__skipping_laws! { $then $args }
        $crate::__grep_laws! { $then $args }
        $crate::__grep_scope_laws! { $then $args }
        $crate::__grep_text_laws! { $then $args }
        $crate::__link_laws! { $then $args }
        $crate::__error_laws! { $then $args }
        $crate::__concurrency_laws! { $then $args }
    };
}
