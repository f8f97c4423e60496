//! The colours of the output. Without colours every style is empty.

use anstyle::{AnsiColor, Style};

/// A style for each kind of output.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Palette {
    pub(crate) directory: Style,
    pub(crate) link: Style,
    pub(crate) path: Style,
    pub(crate) number: Style,
    pub(crate) added: Style,
    pub(crate) removed: Style,
    pub(crate) hunk: Style,
    pub(crate) faint: Style,
    pub(crate) good: Style,
    pub(crate) warning: Style,
    pub(crate) error: Style,
}

impl Palette {
    /// Returns the colours, or none.
    pub(crate) fn new(colored: bool) -> Self {
        if !colored {
            return Self::default();
        }
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        Self {
            directory: color(AnsiColor::Blue).bold(),
            link: color(AnsiColor::Cyan),
            path: color(AnsiColor::Magenta),
            number: color(AnsiColor::Green),
            added: color(AnsiColor::Green),
            removed: color(AnsiColor::Red),
            hunk: color(AnsiColor::Cyan),
            faint: Style::new().dimmed(),
            good: color(AnsiColor::Green).bold(),
            warning: color(AnsiColor::Yellow).bold(),
            error: color(AnsiColor::Red).bold(),
        }
    }
}
