//! What a model is told of the workspace before it calls anything.

use backend_tools::{Tool, Toolset};

/// Returns what holds for all tools of a workspace.
pub(crate) fn of(toolset: &Toolset) -> String {
    let files = toolset.files();
    let work_dir = files.work_dir();
    let mut text = format!(
        "These tools work in one workspace. Paths are absolute, or relative to {work_dir}; `..` is refused, and nothing \
         outside of the workspace can be reached by a path."
    );
    if files.capabilities().read_only {
        text.push_str(" Nothing in it can be changed.");
    }
    if toolset.definition(Tool::Execute).is_some() {
        text.push_str(
            " Commands run beside the files, and see the same files; prefer the tools for files to commands such as cat, \
             sed and find.",
        );
    } else {
        text.push_str(" No commands run in it.");
    }
    text.push_str(
        " A reply that begins with a path and an error is a call that can be corrected, unless it says that a rule forbids it.",
    );
    text
}
