//! The tools that are not offered because the rules refuse everything they do.

use backend_guard::{Method, Operation};
use backend_tools::Tool;

/// Returns the tools that need an operation that is refused everywhere.
pub(super) fn withheld(refused: &[Operation]) -> Vec<Tool> {
    let all = Tool::ALL.iter().copied();
    all.filter(|tool| match methods(*tool) {
        // Its operations are unknown, so it cannot be permitted.
        None => !refused.is_empty(),
        Some(methods) => methods.iter().any(|method| {
            let mut needs = method.needs().iter().chain(method.needs_at_target());
            needs.any(|operation| refused.contains(operation))
        }),
    })
    .collect()
}

/// Returns the methods that a tool cannot do without.
fn methods(tool: Tool) -> Option<&'static [Method]> {
    Some(match tool {
        Tool::Ls => &[Method::Ls],
        Tool::ReadFile | Tool::ReadMany => &[Method::Read],
        Tool::WriteFile => &[Method::Write],
        Tool::EditFile | Tool::HashlineEdit => &[Method::Edit],
        Tool::ApplyPatch => &[Method::Read, Method::Write],
        Tool::Glob => &[Method::Glob],
        Tool::Grep => &[Method::Grep],
        Tool::Delete => &[Method::Delete],
        Tool::Move => &[Method::Rename],
        Tool::Execute => &[Method::Execute],
        Tool::StartProcess => &[Method::Spawn],
        Tool::ReadProcess => &[Method::ReadOutput],
        Tool::WriteProcess => &[Method::WriteStdin],
        Tool::ListProcesses => &[Method::Processes],
        Tool::StopProcess => &[Method::Signal],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use backend_guard::Operation;
    use backend_tools::Tool;

    use super::{methods, withheld};

    #[test]
    fn it_is_known_of_every_tool_what_it_does() {
        for tool in Tool::ALL {
            assert!(methods(*tool).is_some(), "{tool}");
        }
        assert!(withheld(&[]).is_empty());
        assert_eq!(withheld(&Operation::ALL), Tool::ALL);
    }

    #[test]
    fn a_tool_goes_with_what_it_needs() {
        let edits = [Tool::EditFile, Tool::HashlineEdit];
        assert_eq!(withheld(&[Operation::Edit]), edits);
        assert_eq!(withheld(&[Operation::Delete]), [Tool::Delete, Tool::Move]);
        let execute = withheld(&[Operation::Execute]);
        assert_eq!(execute, [Tool::Execute, Tool::StartProcess]);
    }
}
