//! The description of the workspace that a model gets before its first call.

use backend_tools::{Tool, Toolset};

/// Returns what applies to all tools of a workspace.
pub(crate) fn of(toolset: &Toolset) -> String {
    let files = toolset.files();
    let work_dir = files.work_dir();
    let mut text = format!(
        "These tools operate on one workspace. Paths are absolute, or relative to {work_dir}; `..` is refused, and a path \
         cannot reach anything outside the workspace."
    );
    if files.capabilities().read_only {
        text.push_str(" It is read-only.");
    }
    if toolset.definition(Tool::Execute).is_some() {
        text.push_str(
            " Commands run in the same workspace and see the same files; prefer the file tools to commands such as cat, sed \
             and find.",
        );
    } else {
        text.push_str(" It does not run commands.");
    }
    text.push_str(
        " A reply that starts with a path and an error means that the call can be corrected, unless it says that a rule \
         forbids it.",
    );
    text
}
