//! A thing in full: a label and a value on each line.

use super::{
    line::{Align, Line},
    style,
};

/// Labelled values, in order.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    fields: Vec<(&'static str, Line)>,
}

impl Fields {
    /// No field.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a value; an empty one is left out.
    pub(crate) fn add(&mut self, label: &'static str, value: &str) {
        self.add_line(label, Line::text(value));
    }

    /// Adds a styled value; an empty one is left out.
    pub(crate) fn add_line(&mut self, label: &'static str, value: Line) {
        if !value.is_empty() {
            self.fields.push((label, value));
        }
    }

    /// The lines, values below each other.
    pub(crate) fn lines(self) -> Vec<Line> {
        let width = self
            .fields
            .iter()
            .map(|(label, _)| label.len())
            .max()
            .unwrap_or(0);
        self.fields
            .into_iter()
            .map(|(label, value)| {
                let mut line = Line::text("  ");
                line.append(Line::styled(style::DIM, label).padded(width + 2, Align::Left));
                line.append(value);
                line
            })
            .collect()
    }
}
