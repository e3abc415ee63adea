//! Tables and colour: colour only where a terminal looks.
use std::io::IsTerminal as _;

/// What a cell means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Not so.
    Bad,
    /// Worth a look.
    Warn,
    /// Nothing special.
    Plain,
}

/// `text` in a colour, if standard output is a terminal and `NO_COLOR` isn't set.
pub(crate) fn paint(text: &str, tone: Tone) -> String {
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Warn => "33",
        Tone::Plain => return text.to_owned(),
    };
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// Rows with columns as wide as their widest cell; the last column is as long as it is.
pub(crate) fn table(rows: &[Vec<(String, Tone)>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|(text, _)| text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        for ((text, tone), width) in row.iter().zip(&widths) {
            let padding = width.saturating_sub(text.chars().count());
            out.push_str(&paint(text, *tone));
            out.extend(std::iter::repeat_n(' ', padding + 2));
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let cell = |text: &str| (text.to_owned(), Tone::Plain);
        let rows = [vec![cell("a"), cell("long"), cell("x")], vec![cell("ärger"), cell("b"), cell("y")]];
        assert_eq!(table(&rows), "a      long  x\närger  b     y\n");
    }
}
