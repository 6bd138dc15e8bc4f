//! Tables that fit the terminal, also with accented names.

use unicode_normalization::UnicodeNormalization;

/// The least that a column of text is cut to.
const NARROWEST: usize = 8;
const GAP: usize = 2;

/// A column: its title, and on which side its cells stand.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column {
    /// Cut where the table would be too wide.
    Text(&'static str),
    /// To the right, never cut.
    Number(&'static str),
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Text(title) | Self::Number(title) => title,
        }
    }
}

/// The lines of a table that is at most `width` wide, if its columns can be cut to that.
pub(super) fn table(columns: &[Column], rows: &[Vec<String>], width: usize) -> Vec<String> {
    let titles = columns.iter().map(|column| column.title().to_owned());
    // Composed, so that a letter with its accent is one character.
    let composed = |cells: &Vec<String>| cells.iter().map(|cell| cell.nfc().collect()).collect();
    let mut lines: Vec<Vec<String>> = vec![titles.collect()];
    lines.extend(rows.iter().map(composed));
    let widths = widths(columns, &lines, width);
    let line = |cells: &Vec<String>| {
        let columns = columns.iter().zip(&widths);
        let cells = cells.iter().zip(columns).map(|(cell, (column, &width))| {
            let cell = cut(cell, width);
            match column {
                Column::Text(_) => format!("{cell:<width$}"),
                Column::Number(_) => format!("{cell:>width$}"),
            }
        });
        let cells: Vec<String> = cells.collect();
        cells.join(&" ".repeat(GAP)).trim_end().to_owned()
    };
    lines.iter().map(line).collect()
}

/// As wide as the widest cell; then the widest column of text gives way until all fit.
fn widths(columns: &[Column], lines: &[Vec<String>], width: usize) -> Vec<usize> {
    let widest = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..columns.len()).map(widest).collect();
    let gaps = GAP * columns.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > width {
        let cuttable = widths.iter_mut().zip(columns);
        let cuttable = cuttable
            .filter(|(width, column)| matches!(column, Column::Text(_)) && **width > NARROWEST);
        match cuttable.max_by_key(|(width, _)| **width) {
            Some((width, _)) => *width -= 1,
            None => break,
        }
    }
    widths
}

fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    let kept: String = cell.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        vec![
            row(["Zoe\u{308} D'Amico", "Head of Procurement, Benelux", "7"]),
            row(["Bo Ek", "Buyer", "1,200"]),
        ]
    }

    const COLUMNS: [Column; 3] = [
        Column::Text("name"),
        Column::Text("title"),
        Column::Number("credits"),
    ];

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        assert_eq!(
            table(&COLUMNS, &rows(), 80),
            [
                "name         title                         credits",
                "Zoë D'Amico  Head of Procurement, Benelux        7",
                "Bo Ek        Buyer                           1,200",
            ]
        );
    }

    #[test]
    fn the_widest_text_gives_way_and_numbers_never_do() {
        assert_eq!(
            table(&COLUMNS, &rows(), 36),
            [
                "name         title           credits",
                "Zoë D'Amico  Head of Procu…        7",
                "Bo Ek        Buyer             1,200",
            ]
        );
        let narrow = table(&COLUMNS, &rows(), 1);
        assert_eq!(narrow[1], "Zoë D'A…  Head of…        7");
    }
}
