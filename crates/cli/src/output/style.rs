//! The few styles there are.

use anstyle::{AnsiColor, Style};

/// No style.
pub(crate) const PLAIN: Style = Style::new();
/// What the eye should find.
pub(crate) const BOLD: Style = Style::new().bold();
/// What the eye may skip.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Bad.
pub(crate) const RED: Style = AnsiColor::Red.on_default();
/// Very bad.
pub(crate) const ALARM: Style = AnsiColor::Red.on_default().bold();
/// Not good.
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
/// Good.
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
/// A name.
pub(crate) const CYAN: Style = AnsiColor::Cyan.on_default();
/// A kind, such as a level.
pub(crate) const BLUE: Style = AnsiColor::Blue.on_default();
