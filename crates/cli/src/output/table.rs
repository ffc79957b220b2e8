//! Tables: as wide as their content, or as the terminal; what does not fit is cut, never wrapped.

use super::{
    line::{Align, Line},
    style,
};

/// Columns between two cells.
const GAP: usize = 2;
/// The same where every column counts.
const NARROW_GAP: usize = 1;
/// A column that gives way keeps this much, unless it says otherwise.
const LEAST: usize = 8;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    align: Align,
    /// What it keeps of its width; none: all.
    least: Option<usize>,
    importance: Importance,
}

/// What happens to a column on a narrow terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Importance {
    /// It is left out first.
    Extra,
    /// It stays.
    Needed,
}

/// A table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Line>>,
}

/// Which columns show, and how wide; found from the first rows and kept for those that follow.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Width of each column; none: it is left out.
    widths: Vec<Option<usize>>,
    /// Columns between two cells.
    gap: usize,
}

impl Column {
    /// A column of texts.
    pub(crate) const fn left(title: &'static str) -> Self {
        Self {
            title,
            align: Align::Left,
            least: None,
            importance: Importance::Needed,
        }
    }

    /// A column of numbers.
    pub(crate) const fn right(title: &'static str) -> Self {
        Self {
            title,
            align: Align::Right,
            least: None,
            importance: Importance::Needed,
        }
    }

    /// The same column, cut where the terminal is too narrow.
    pub(crate) const fn giving_way(self) -> Self {
        self.giving_way_to(LEAST)
    }

    /// The same column, cut where the terminal is too narrow, but not below this width.
    pub(crate) const fn giving_way_to(mut self, least: usize) -> Self {
        self.least = Some(least);
        self
    }

    /// The same column, left out where the terminal is far too narrow.
    pub(crate) const fn extra(mut self) -> Self {
        self.importance = Importance::Extra;
        self
    }
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self {
            columns: columns.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row of one cell for each column.
    pub(crate) fn row(&mut self, cells: impl Into<Vec<Line>>) {
        let mut cells = cells.into();
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        cells.resize(self.columns.len(), Line::new());
        self.rows.push(cells);
    }

    /// The header and the rows.
    pub(crate) fn lines(&self, width: Option<usize>) -> Vec<Line> {
        let layout = self.layout(width);
        let mut lines = vec![self.header(&layout)];
        lines.extend(self.body(&layout));
        lines
    }

    /// The header alone.
    pub(crate) fn header(&self, layout: &Layout) -> Line {
        let titles: Vec<Line> = self
            .columns
            .iter()
            .map(|column| Line::styled(style::DIM, column.title))
            .collect();
        self.line(&titles, layout)
    }

    /// The rows alone.
    pub(crate) fn body(&self, layout: &Layout) -> Vec<Line> {
        self.rows
            .iter()
            .map(|cells| self.line(cells, layout))
            .collect()
    }

    /// Finds the widths for the rows that are there.
    pub(crate) fn layout(&self, width: Option<usize>) -> Layout {
        let mut widths: Vec<Option<usize>> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let title = Line::text(column.title).width();
                let cells = self.rows.iter().map(|cells| cells[index].width());
                cells.chain([title]).max()
            })
            .collect();
        let gap = match width {
            None => GAP,
            Some(width) => self.squeeze(&mut widths, width),
        };
        Layout { widths, gap }
    }

    /// Makes room: columns move together, then extra ones are left out, the last first; then those that give way are
    /// cut, the widest first. Returns the gap.
    fn squeeze(&self, widths: &mut [Option<usize>], available: usize) -> usize {
        let mut gap = GAP;
        while self.least(widths, gap) > available {
            if gap > NARROW_GAP {
                gap = NARROW_GAP;
                continue;
            }
            let extra = self
                .columns
                .iter()
                .zip(widths.iter_mut())
                .rev()
                .find(|(column, width)| column.importance == Importance::Extra && width.is_some());
            match extra {
                Some((_, width)) => *width = None,
                None => break,
            }
        }
        while total(widths.iter().copied(), gap) > available {
            let widest = self
                .columns
                .iter()
                .zip(widths.iter_mut())
                .filter_map(|(column, width)| Some((column.least?, width.as_mut()?)))
                .filter(|(least, width)| **width > *least)
                .max_by_key(|(_, width)| **width);
            match widest {
                Some((_, width)) => *width -= 1,
                None => break,
            }
        }
        gap
    }

    /// Columns taken if all that give way have given what they can.
    fn least(&self, widths: &[Option<usize>], gap: usize) -> usize {
        let least = self.columns.iter().zip(widths).map(|(column, width)| {
            let width = (*width)?;
            Some(column.least.map_or(width, |least| width.min(least)))
        });
        total(least, gap)
    }

    fn line(&self, cells: &[Line], layout: &Layout) -> Line {
        let mut line = Line::new();
        for ((column, cell), width) in self.columns.iter().zip(cells).zip(&layout.widths) {
            let Some(width) = *width else {
                continue;
            };
            if !line.is_empty() {
                line = line.and(&" ".repeat(layout.gap));
            }
            line.append(cell.clone().cut(width).padded(width, column.align));
        }
        line
    }
}

fn total(widths: impl Iterator<Item = Option<usize>>, gap: usize) -> usize {
    let shown: Vec<usize> = widths.flatten().collect();
    shown.iter().sum::<usize>() + gap * shown.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([
            Column::left("ID"),
            Column::right("AGE"),
            Column::left("HOLDER").extra(),
            Column::left("TITLE").giving_way(),
        ]);
        table.row([
            Line::text("B-12"),
            Line::text("3d 4h"),
            Line::text("checkout"),
            Line::text("Payment sandbox rejects test cards"),
        ]);
        table.row([
            Line::text("B-7"),
            Line::text("5m"),
            Line::text("buying"),
            Line::text("No decision"),
        ]);
        table
    }

    fn shown(width: Option<usize>) -> Vec<String> {
        let lines = table().lines(width);
        lines.iter().map(|line| line.render(false)).collect()
    }

    #[test]
    fn it_is_as_wide_as_its_content() {
        assert_eq!(
            shown(None),
            [
                "ID      AGE  HOLDER    TITLE",
                "B-12  3d 4h  checkout  Payment sandbox rejects test cards",
                "B-7      5m  buying    No decision",
            ]
        );
    }

    #[test]
    fn titles_are_cut_first() {
        assert_eq!(
            shown(Some(40)),
            [
                "ID      AGE  HOLDER    TITLE",
                "B-12  3d 4h  checkout  Payment sandbox r…",
                "B-7      5m  buying    No decision",
            ]
            .map(|line| Line::text(line).cut(40).render(false))
        );
    }

    #[test]
    fn then_columns_move_together_and_extra_ones_go() {
        assert_eq!(
            shown(Some(30)),
            [
                "ID     AGE HOLDER   TITLE",
                "B-12 3d 4h checkout Payment s…",
                "B-7     5m buying   No decisi…",
            ]
            .map(|line| Line::text(line).cut(30).render(false))
        );
        assert_eq!(
            shown(Some(24)),
            [
                "ID     AGE TITLE",
                "B-12 3d 4h Payment sand…",
                "B-7     5m No decision",
            ]
        );
    }

    #[test]
    fn later_rows_keep_the_layout() {
        let first = table();
        let layout = first.layout(Some(24));
        let mut next = Table::new(first.columns.clone());
        next.row([
            Line::text("B-100000"),
            Line::text("1d"),
            Line::text("x"),
            Line::text("y"),
        ]);
        assert_eq!(next.body(&layout)[0].render(false), "B-1…    1d y");
    }
}
