//! Rows of columns that have a least width, with a blank between them.

/// Rows that are being written.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// How wide each column is at least; a negative width is that of a column whose text stands at its right end.
    widths: &'static [isize],
    text: String,
}

impl Table {
    /// No rows yet.
    pub(crate) const fn new(widths: &'static [isize]) -> Self {
        Self { widths, text: String::new() }
    }

    /// Adds a row; the last column is followed by its padding and no blank.
    #[must_use]
    pub(crate) fn row(mut self, cells: &[&str]) -> Self {
        for (number, (cell, width)) in cells.iter().zip(self.widths).enumerate() {
            if number > 0 {
                self.text.push(' ');
            }
            let room = width.unsigned_abs();
            self.text += &if *width < 0 { format!("{cell:>room$}") } else { format!("{cell:<room$}") };
        }
        self.text.push('\n');
        self
    }

    /// All rows.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_padded_on_their_side() {
        let table = Table::new(&[4, -3, 2]).row(&["a", "b", "c"]).row(&["abcde", "12", ""]);
        assert_eq!(table.text(), "a      b c \nabcde  12   \n");
    }
}
