//! A line of text in pieces, each with a style; it can be measured and cut without counting escapes.

use std::fmt::Write as _;

use anstyle::Style;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::style;

/// A line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    style: Style,
    text: String,
}

impl Line {
    /// An empty line.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A line without style.
    pub(crate) fn text(text: &str) -> Self {
        Self::styled(style::PLAIN, text)
    }

    /// A line in one style.
    pub(crate) fn styled(style: Style, text: &str) -> Self {
        Self::new().with(style, text)
    }

    /// The same line with a piece more.
    #[must_use]
    pub(crate) fn with(mut self, style: Style, text: &str) -> Self {
        self.push(style, text);
        self
    }

    /// The same line with an unstyled piece more.
    #[must_use]
    pub(crate) fn and(self, text: &str) -> Self {
        self.with(style::PLAIN, text)
    }

    /// Adds a piece.
    pub(crate) fn push(&mut self, style: Style, text: &str) {
        if !text.is_empty() {
            let text = printable(text);
            self.pieces.push(Piece { style, text });
        }
    }

    /// Adds another line's pieces.
    pub(crate) fn append(&mut self, line: Self) {
        self.pieces.extend(line.pieces);
    }

    /// The same line in one style throughout.
    #[must_use]
    pub(crate) fn restyled(mut self, style: Style) -> Self {
        for piece in &mut self.pieces {
            piece.style = style;
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.pieces.iter().map(|piece| piece.text.width()).sum()
    }

    /// The line cut to `width` columns, with `…` where something is missing.
    #[must_use]
    pub(crate) fn cut(self, width: usize) -> Self {
        if self.width() <= width {
            return self;
        }
        let mut line = Self::new();
        // One column is for the ellipsis.
        let mut left = width.saturating_sub(1);
        for Piece { style, text } in self.pieces {
            let mut kept = String::new();
            let mut whole = true;
            for character in text.chars() {
                let columns = character.width().unwrap_or(0);
                if columns > left {
                    whole = false;
                    break;
                }
                left -= columns;
                kept.push(character);
            }
            if whole {
                line.push(style, &kept);
                continue;
            }
            let mut kept = kept.trim_end().to_owned();
            if width > 0 {
                kept.push('…');
            }
            line.push(style, &kept);
            break;
        }
        line
    }

    /// The same line, filled with spaces to `width` columns on its right, or on its left.
    #[must_use]
    pub(crate) fn padded(self, width: usize, align: Align) -> Self {
        let missing = " ".repeat(width.saturating_sub(self.width()));
        match align {
            Align::Left => self.and(&missing),
            Align::Right => {
                let mut line = Self::text(&missing);
                line.append(self);
                line
            }
        }
    }

    /// The text, with escapes for the styles or without.
    pub(crate) fn render(&self, coloured: bool) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            if coloured && piece.style != style::PLAIN {
                let style = piece.style;
                // Writing to a string does not fail.
                if write!(text, "{style}{}{style:#}", piece.text).is_err() {
                    text.push_str(&piece.text);
                }
            } else {
                text.push_str(&piece.text);
            }
        }
        // Padding at the end is only for columns to come.
        if coloured {
            text
        } else {
            text.trim_end().to_owned()
        }
    }
}

/// Which side of its column a cell keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// The text without what would move the cursor, colour or turn around what follows.
fn printable(text: &str) -> String {
    text.chars()
        .filter_map(|character| match character {
            '\n' | '\r' | '\t' => Some(' '),
            // Explicit bidirectional controls.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
            character if character.is_control() => None,
            character => Some(character),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_shows_an_ellipsis() {
        let line = Line::text("Payment sandbox").and(" rejects");
        assert_eq!(
            line.clone().cut(23).render(false),
            "Payment sandbox rejects"
        );
        assert_eq!(line.clone().cut(22).render(false), "Payment sandbox rejec…");
        assert_eq!(line.clone().cut(9).render(false), "Payment…");
        assert_eq!(line.clone().cut(1).render(false), "…");
        assert_eq!(line.cut(0).render(false), "");
    }

    #[test]
    fn wide_characters_count_for_what_they_take() {
        let line = Line::text("支払い環境");
        assert_eq!(line.width(), 10);
        let cut = line.cut(6);
        assert_eq!(cut.render(false), "支払…");
        assert!(cut.width() <= 6);
    }

    #[test]
    fn escapes_in_a_text_are_not_passed_on() {
        let line = Line::text("\u{1b}[31mred\u{1b}[0m\nnext\u{202e}");
        assert_eq!(line.render(false), "[31mred[0m next");
    }

    #[test]
    fn styles_show_only_in_colour() {
        let line = Line::styled(style::RED, "bad").and(" news");
        assert_eq!(line.render(false), "bad news");
        assert_eq!(line.render(true), "\u{1b}[31mbad\u{1b}[0m news");
    }
}
