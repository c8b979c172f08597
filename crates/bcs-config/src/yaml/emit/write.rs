//! Writes indicators and scalars, with the folding of long lines, after PyYAML's `Emitter`.

use super::analysis::is_break;

/// Column after which lines are folded.
const WIDTH: usize = 80;

/// Text so far, with the state that decides on spaces and line breaks.
pub(super) struct Writer {
    pub(super) out: String,
    column: usize,
    /// Whether the last character was white space or an indicator that needs none after it.
    whitespace: bool,
    /// Whether the line has only white space and indicators so far.
    pub(super) indention: bool,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { out: String::new(), column: 0, whitespace: true, indention: true }
    }

    fn write(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line_break(&mut self, c: char) {
        self.out.push(c);
        self.whitespace = true;
        self.indention = true;
        self.column = 0;
    }

    /// Starts a new line where needed, and moves to a column.
    pub(super) fn indent(&mut self, indent: usize) {
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break('\n');
        }
        if self.column < indent {
            self.whitespace = true;
            let padding = " ".repeat(indent - self.column);
            self.write(&padding);
        }
    }

    /// Writes an indicator; `needs_space` before it, `gives_space` after it.
    pub(super) fn indicator(&mut self, text: &str, needs_space: bool, gives_space: bool, indention: bool) {
        if needs_space && !self.whitespace {
            self.write(" ");
        }
        self.whitespace = gives_space;
        self.indention = self.indention && indention;
        self.write(text);
    }

    /// Writes a scalar without quotes; `split` is the indent of further lines, `None` where it stays on one line.
    pub(super) fn plain(&mut self, text: &str, split: Option<usize>) {
        if text.is_empty() {
            return;
        }
        if !self.whitespace {
            self.write(" ");
        }
        self.whitespace = false;
        self.indention = false;
        let mut rest = text;
        while !rest.is_empty() {
            let word = rest.len() - rest.trim_start_matches(|c| c != ' ').len();
            let (word, after) = rest.split_at(word);
            self.write(word);
            let spaces = after.len() - after.trim_start_matches(' ').len();
            let (spaces, after) = after.split_at(spaces);
            match split {
                Some(indent) if spaces.len() == 1 && self.column > WIDTH => {
                    self.indent(indent);
                    self.whitespace = false;
                    self.indention = false;
                }
                _ => self.write(spaces),
            }
            rest = after;
        }
    }

    /// Writes a scalar in single quotes; line breaks are doubled.
    pub(super) fn single_quoted(&mut self, text: &str, split: Option<usize>, indent: usize) {
        self.indicator("'", true, false, false);
        let total = text.len();
        let mut at = 0;
        while at < total {
            let rest = &text[at..];
            let first = rest.chars().next().unwrap_or_default();
            let run = |same: fn(char) -> bool| rest.len() - rest.trim_start_matches(same).len();
            let len = if first == ' ' {
                let len = run(|c| c == ' ');
                if let (1, Some(indent), true) =
                    (len, split, self.column > WIDTH && at != 0 && at + len != total)
                {
                    self.indent(indent);
                } else {
                    self.write(&rest[..len]);
                }
                len
            } else if is_break(first) {
                let len = run(is_break);
                if first == '\n' {
                    self.line_break('\n');
                }
                rest[..len].chars().for_each(|c| self.line_break(c));
                self.indent(indent);
                len
            } else if first == '\'' {
                self.write("''");
                1
            } else {
                let len = run(|c| c != ' ' && c != '\'' && !is_break(c));
                self.write(&rest[..len]);
                len
            };
            at += len;
        }
        self.indicator("'", false, false, false);
    }

    /// Writes a scalar in double quotes, with escapes.
    pub(super) fn double_quoted(&mut self, text: &str, split: Option<usize>) {
        self.indicator("\"", true, false, false);
        let chars: Vec<char> = text.chars().collect();
        // Start of the characters that are not written yet.
        let mut start = 0;
        for end in 0..=chars.len() {
            let c = chars.get(end).copied();
            if c.is_none_or(needs_escape) {
                if start < end {
                    self.write_chars(&chars[start..end]);
                    start = end;
                }
                if let Some(c) = c {
                    self.write(&escape(c));
                    start = end + 1;
                }
            }
            let inside = 0 < end && end + 1 < chars.len();
            let pending = end.saturating_sub(start);
            // `start` may be one ahead of `end`, after an escape.
            let column = if start > end { self.column - 1 } else { self.column + pending };
            if let Some(indent) = split
                && inside
                && (c == Some(' ') || start >= end)
                && column > WIDTH
            {
                if start < end {
                    self.write_chars(&chars[start..end]);
                    start = end;
                }
                self.write("\\");
                self.indent(indent);
                self.whitespace = false;
                self.indention = false;
                if chars.get(start) == Some(&' ') {
                    self.write("\\");
                }
            }
        }
        self.indicator("\"", false, false, false);
    }

    fn write_chars(&mut self, chars: &[char]) {
        let text: String = chars.iter().collect();
        self.write(&text);
    }
}

fn needs_escape(c: char) -> bool {
    let marked = matches!(c, '"' | '\\' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    let shown = (' '..='~').contains(&c) || matches!(c, '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}');
    marked || !shown
}

fn escape(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '\u{85}' => 'N',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        '"' | '\\' => c,
        c if u32::from(c) <= 0xff => return format!("\\x{:02X}", u32::from(c)),
        c if u32::from(c) <= 0xffff => return format!("\\u{:04X}", u32::from(c)),
        c => return format!("\\U{:08X}", u32::from(c)),
    };
    format!("\\{short}")
}
