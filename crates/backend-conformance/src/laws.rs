//! The laws, by area. Each file starts with the list of its laws, from which the tests, the registry and the table in
//! `docs/contract.md` are made.

use crate::{Area, Suite};

mod background;
mod batch;
mod command_lines;
mod commands_and_files;
mod concurrency;
mod deadlines;
mod delete;
mod edit;
mod edit_lines;
mod edit_refused;
mod edit_text;
mod endings;
mod environment;
mod errors;
mod glob;
mod glob_scope;
mod grep;
mod grep_scope;
mod grep_text;
mod input;
mod links;
mod listing;
mod mkdir;
mod output;
mod paths;
mod process_input;
mod process_output;
mod processes;
mod read;
mod read_bytes;
pub(crate) mod read_only;
mod refusals;
mod rename;
mod skipping;
mod stopped;
mod terminals;
mod text;
mod trees;
mod versions;
mod work_dirs;
mod write;

/// Names the areas once: for the registry here, and for the macros that make tests of them.
macro_rules! areas {
    ($($suite:ident { $($area:ident $title:literal;)* })*) => {
        pub(crate) const AREAS: &[Area] = &[
            $($(
                Area {
                    name: stringify!($area),
                    title: $title,
                    suite: Suite::$suite,
                    laws: $area::LAWS,
                },
            )*)*
        ];
    };
}

areas! {
    Files {
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
        grep_text "What a grep treats as text";
        links "Symbolic links";
        errors "Errors";
        concurrency "Concurrency and cancellation";
    }
    ReadOnly {
        read_only "Read-only backends";
    }
    Commands {
        command_lines "Lines and words";
        environment "What a command is given";
        work_dirs "Working directories";
        input "Standard input";
        output "Output";
        endings "How commands end";
        refusals "Commands that are refused";
        deadlines "Timeouts";
        trees "What is killed with a command";
        background "What a command leaves running";
        commands_and_files "Commands and files side by side";
        processes "Processes";
        process_output "Output of a process";
        process_input "Input of a process";
        terminals "Terminals";
        stopped "After a stop";
    }
}

/// Hands the list of each area about files to a macro.
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

/// Hands the list of each area about commands to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_command_area {
    ($then:ident $args:tt) => {
        $crate::__command_line_laws! { $then $args }
        $crate::__environment_laws! { $then $args }
        $crate::__work_dir_laws! { $then $args }
        $crate::__input_laws! { $then $args }
        $crate::__output_laws! { $then $args }
        $crate::__ending_laws! { $then $args }
        $crate::__refusal_laws! { $then $args }
        $crate::__deadline_laws! { $then $args }
        $crate::__tree_laws! { $then $args }
        $crate::__background_laws! { $then $args }
        $crate::__command_and_file_laws! { $then $args }
        $crate::__process_laws! { $then $args }
        $crate::__process_output_laws! { $then $args }
        $crate::__process_input_laws! { $then $args }
        $crate::__terminal_laws! { $then $args }
        $crate::__stop_laws! { $then $args }
    };
}
