//! What is said to whoever runs the command: text, tables, colour where a terminal looks.
use std::{
    fmt::Arguments,
    io::{ErrorKind, IsTerminal as _, Write as _},
};

/// Exit code of a command whose reader went away: 128 + SIGPIPE, as shells count.
const NOBODY_READS: i32 = 141;
/// Exit code of a command that could not say what it found.
const NOT_SAID: i32 = 2;

/// Like `print!`, but a reader who has seen enough, as `head` has, ends the command and is no panic.
macro_rules! out {
    ($($text:tt)*) => { $crate::terminal::say(format_args!($($text)*), "") };
}

/// Like `println!`, as [`out!`].
macro_rules! outln {
    ($($text:tt)*) => { $crate::terminal::say(format_args!($($text)*), "\n") };
}

/// Like `eprint!`, but goes on if nobody reads it: the loader outlives whoever collects its messages.
macro_rules! note {
    ($($text:tt)*) => { $crate::terminal::mention(format_args!($($text)*), "") };
}

/// Like `eprintln!`, as [`note!`].
macro_rules! noteln {
    ($($text:tt)*) => { $crate::terminal::mention(format_args!($($text)*), "\n") };
}

/// Writes to standard output; without a reader, or without room, the command ends here.
pub(crate) fn say(text: Arguments<'_>, end: &str) {
    let mut output = std::io::stdout().lock();
    let Err(error) = output.write_fmt(text).and_then(|()| output.write_all(end.as_bytes())) else { return };
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(NOBODY_READS);
    }
    noteln!("guardbee: write to standard output: {error}");
    std::process::exit(NOT_SAID);
}

/// Writes to standard error, as far as it goes.
pub(crate) fn mention(text: Arguments<'_>, end: &str) {
    let mut errors = std::io::stderr().lock();
    errors.write_fmt(text).and_then(|()| errors.write_all(end.as_bytes())).unwrap_or_default();
}

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
