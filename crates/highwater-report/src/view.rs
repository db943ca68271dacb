//! The properties of the reader's screen.

use anstyle::{AnsiColor, Style};

/// How a text view is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Columns of the screen. Labels are shortened to fit, numbers never, so a line may be longer if this is
    /// below 60 or so. Default 80.
    pub width: usize,
    /// Whether to colour with ANSI escape codes. Default no.
    pub colour: bool,
    /// Whether a diff lists the changes that may be noise, instead of counting them. Default no.
    pub noise: bool,
}

impl Default for View {
    fn default() -> Self {
        Self { width: 80, colour: false, noise: false }
    }
}

/// The role of a piece of text, which decides its look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing special.
    Plain,
    /// A heading.
    Heading,
    /// Text that qualifies other text: errors, remarks.
    Faint,
    /// An increase.
    Growth,
    /// A decrease.
    Shrinkage,
}

impl View {
    /// `text` in the colours of its role.
    pub(crate) fn paint(&self, role: Role, text: &str) -> String {
        let style = match role {
            Role::Plain => return text.to_owned(),
            Role::Heading => Style::new().bold(),
            Role::Faint => Style::new().dimmed(),
            Role::Growth => AnsiColor::Red.on_default(),
            Role::Shrinkage => AnsiColor::Green.on_default(),
        };
        if self.colour && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}
