//! Tables from CSV, read in blocks of rows, which are parsed on all cores.

use std::fs::File;
use std::io::Read;

use csv::{ErrorKind, ReaderBuilder, StringRecord};
use rayon::prelude::*;

use super::column::Column;
use super::json::collect;
use super::{Cases, Table};
use crate::error::Error;

/// Bytes of a block: thousands of rows.
const BLOCK: usize = 512 << 10;

/// Number of blocks per core that are parsed at once. Cores that are done early take what is left.
const BLOCKS_PER_CORE: usize = 4;

impl Table {
    /// Reads CSV: UTF-8, comma-separated, with a header row. An empty cell is a missing value. Columns with a cell that
    /// is not a number are skipped, and so are columns without a name (such as the index that pandas writes). The column
    /// `case`, if there is one, names the case of each row.
    ///
    /// # Errors
    /// [`Error::Csv`] for invalid CSV; [`Error::Read`] for failed reads; [`Error::NoHeader`]; [`Error::Header`] for duplicate
    /// names; [`Error::NotFinite`] for `NaN` and `inf` in a column of numbers. They name row and column.
    pub fn from_csv(reader: impl Read + Send, case: &str) -> Result<Self, Error> {
        Self::from_csv_of(reader, 0, case)
    }

    /// Reads a CSV file as [`Table::from_csv`] does, in less memory, since its size tells how many rows will come.
    ///
    /// # Errors
    /// As [`Table::from_csv`].
    pub fn from_csv_file(file: File, case: &str) -> Result<Self, Error> {
        let size = file.metadata().map_err(Error::Read)?.len();
        Self::from_csv_of(file, size, case)
    }

    /// Reads CSV of about `size` bytes; 0 if that is not known.
    fn from_csv_of(reader: impl Read + Send, size: u64, case: &str) -> Result<Self, Error> {
        let mut blocks = Blocks { reader, rest: Vec::new(), line: 1, size: BLOCK };
        let first = blocks.next().ok_or(Error::NoHeader)??;
        let (header, first) = Header::read(first, case)?;
        let mut table = Rows::with_capacity(&header, 0);
        let mut bytes = 0;
        let mut batch = vec![first];
        while !batch.is_empty() {
            // The next batch is read while this one is parsed; no others are in memory.
            let parse =
                || batch.par_iter().map(|block| Rows::parse(block, &header)).collect::<Result<Vec<_>, _>>();
            let (parsed, next) = rayon::join(parse, || blocks.batch());
            let parsed = parsed?;
            bytes += batch.iter().map(|block| block.bytes.len() as u64).sum::<u64>();
            let rows = table.cases.rows() + parsed.iter().map(|rows| rows.cases.rows()).sum::<usize>();
            table.reserve(rows, expected(rows, size, bytes));
            table.append(parsed);
            batch = next?;
        }
        let numbers = table.columns.into_iter().enumerate().filter(|(at, _)| Some(*at) != header.case);
        collect(table.cases, numbers.map(|(_, column)| column))
    }
}

/// Whole rows of a file.
struct Block {
    bytes: Vec<u8>,
    /// Line that they start with, from 1.
    line: u64,
    /// Number of lines.
    lines: usize,
}

/// Returns how many rows a file has, if this many are in so many of its bytes.
fn expected(rows: usize, size: u64, bytes: u64) -> usize {
    // A little more, since rows vary in length; memory that is never written to is not taken.
    const MARGIN: f64 = 1.02;
    (rows as f64 * size as f64 / bytes as f64 * MARGIN) as usize
}

/// Reads a file in blocks.
struct Blocks<R> {
    reader: R,
    /// Beginning of the next block.
    rest: Vec<u8>,
    line: u64,
    /// Bytes that are read at once.
    size: usize,
}

impl<R: Read> Blocks<R> {
    /// Returns the blocks that are parsed at once; none at the end of the file.
    fn batch(&mut self) -> Result<Vec<Block>, Error> {
        self.take(BLOCKS_PER_CORE * rayon::current_num_threads()).collect()
    }
}

impl<R: Read> Iterator for Blocks<R> {
    type Item = Result<Block, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = std::mem::take(&mut self.rest);
        loop {
            bytes.reserve_exact(self.size);
            match self.reader.by_ref().take(self.size as u64).read_to_end(&mut bytes) {
                Err(error) => return Some(Err(Error::Read(error))),
                Ok(0) if bytes.is_empty() => return None,
                Ok(0) => break,
                Ok(_) => {}
            }
            if let Some(end) = end_of_rows(&bytes) {
                self.rest = bytes.split_off(end);
                break;
            }
        }
        let (line, lines) = (self.line, memchr::memchr_iter(b'\n', &bytes).count());
        self.line += lines as u64;
        Some(Ok(Block { bytes, line, lines: lines + 1 }))
    }
}

/// Returns the end of the last whole row: after a line feed that is not between quotes.
fn end_of_rows(bytes: &[u8]) -> Option<usize> {
    let mut quotes = memchr::memchr_iter(b'"', bytes).count();
    let mut end = bytes.len();
    loop {
        let feed = memchr::memrchr(b'\n', &bytes[..end])?;
        quotes -= memchr::memchr_iter(b'"', &bytes[feed..end]).count();
        if quotes.is_multiple_of(2) {
            return Some(feed + 1);
        }
        end = feed;
    }
}

/// The header row.
struct Header {
    names: Vec<String>,
    /// Position of the cases.
    case: Option<usize>,
}

impl Header {
    /// Reads the header row, and returns it with the rest of the block.
    fn read(block: Block, case: &str) -> Result<(Self, Block), Error> {
        let Block { mut bytes, line: start, lines } = block;
        let mut csv = ReaderBuilder::new().has_headers(false).from_reader(&bytes[..]);
        let mut record = StringRecord::new();
        if !csv.read_record(&mut record).map_err(|error| invalid(&error, start))? {
            return Err(Error::NoHeader);
        }
        let (length, line) = (csv.position().byte() as usize, start + csv.position().line() - 1);
        let names: Vec<String> = record.iter().map(|name| name.trim().to_owned()).collect();
        for (index, name) in names.iter().enumerate() {
            if !name.is_empty() && names[..index].contains(name) {
                return Err(Error::Header { column: index + 1, name: name.clone(), problem: "occurs twice" });
            }
        }
        bytes.drain(..length);
        let case = names.iter().position(|name| name == case);
        Ok((Self { names, case }, Block { bytes, line, lines }))
    }

    /// Creates a column for each name.
    fn columns(&self) -> Vec<Column> {
        let column = |(index, name): (usize, &String)| match name.as_str() {
            "" => Column::unnamed(index + 1),
            name => Column::new(name),
        };
        self.names.iter().enumerate().map(column).collect()
    }
}

/// The rows of a block by column.
struct Rows {
    cases: Cases,
    columns: Vec<Column>,
}

impl Rows {
    /// Creates a table without rows, with room for this many.
    fn with_capacity(header: &Header, rows: usize) -> Self {
        let mut columns = header.columns();
        columns.iter_mut().for_each(|column| column.reserve(rows));
        Self { cases: Cases::default(), columns }
    }

    fn parse(block: &Block, header: &Header) -> Result<Self, Error> {
        let mut csv = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&block.bytes[..]);
        let Self { mut cases, mut columns } = Self::with_capacity(header, block.lines);
        let mut record = StringRecord::new();
        while csv.read_record(&mut record).map_err(|error| invalid(&error, block.line))? {
            if record.len() != columns.len() {
                let line = record.position().map_or(block.line, |position| block.line + position.line() - 1);
                let problem = format!("has {} fields, not {}", record.len(), columns.len());
                return Err(Error::Csv { line, problem });
            }
            let case = header.case.and_then(|case| record.get(case)).map(str::trim);
            cases.push(case.filter(|name| !name.is_empty()));
            for (at, (column, cell)) in columns.iter_mut().zip(&record).enumerate() {
                if Some(at) != header.case {
                    column.push_text(cases.rows(), cell);
                }
            }
        }
        Ok(Self { cases, columns })
    }

    /// Makes room for as many rows as are expected in all, if there is none for this many.
    fn reserve(&mut self, rows: usize, expected: usize) {
        let full = self.columns.iter_mut().filter(|column| column.capacity() < rows);
        full.for_each(|column| column.reserve(expected));
    }

    fn append(&mut self, later: Vec<Self>) {
        let mut parts: Vec<Vec<(usize, Column)>> = self.columns.iter().map(|_| Vec::new()).collect();
        for rows in later {
            let before = self.cases.rows();
            let columns = rows.columns.into_iter().map(|column| (before, column));
            parts.iter_mut().zip(columns).for_each(|(parts, column)| parts.push(column));
            self.cases.append(&rows.cases);
        }
        self.columns.par_iter_mut().zip(parts).for_each(|(column, parts)| {
            parts.into_iter().for_each(|(before, later)| column.append(before, later));
        });
    }
}

/// Tells where a block that starts with this line is invalid.
fn invalid(error: &csv::Error, line: u64) -> Error {
    let line = error.position().map_or(line, |position| line + position.line() - 1);
    let problem = match error.kind() {
        ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    Error::Csv { line, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &str, size: usize) -> Vec<(String, u64)> {
        let blocks = Blocks { reader: text.as_bytes(), rest: Vec::new(), line: 1, size };
        blocks
            .map(|block| block.map(|block| (String::from_utf8(block.bytes).unwrap(), block.line)).unwrap())
            .collect()
    }

    #[test]
    fn blocks_have_whole_rows() {
        let text = "a,b\n1,\"x\ny\"\n2,z\n3,";
        for size in 1..30 {
            let blocks = blocks(text, size);
            assert_eq!(blocks.iter().map(|(rows, _)| rows.as_str()).collect::<String>(), text);
            let mut line = 1;
            for (rows, first) in blocks {
                assert_eq!(first, line, "{rows:?}");
                assert!(
                    rows.matches('"').count() != 1 && (rows.ends_with('\n') || rows.ends_with("3,")),
                    "{rows:?}"
                );
                line += rows.matches('\n').count() as u64;
            }
        }
    }

    #[test]
    fn the_size_of_the_blocks_does_not_matter() {
        let mut text = "case,a,name,b\n".to_owned();
        for row in 0..60_000 {
            text.push_str(&format!(
                "\"case {}\",{row},{},{}\n",
                row / 7,
                if row < 50_000 { "1" } else { "x" },
                row / 2
            ));
        }
        let rows = text.clone() + &"a,1,2,3\n".repeat(BLOCK);
        let (short, long) = (
            Table::from_csv(text.as_bytes(), "case").unwrap(),
            Table::from_csv(rows.as_bytes(), "case").unwrap(),
        );
        for size in [text.len(), rows.len(), 10 * rows.len()] {
            assert_eq!(Table::from_csv_of(rows.as_bytes(), size as u64, "case").unwrap(), long);
        }
        assert_eq!(long.rows, 60_000 + BLOCK);
        assert_eq!((&short.skipped, short.rows), (&long.skipped, 60_000));
        assert_eq!(short.skipped[0].reason, "holds 'x' in row 50001, which is not a number");
        for name in ["a", "b"] {
            let values = short.values(name).unwrap();
            assert_eq!(values, long.values(name).unwrap()[..60_000]);
            assert_eq!(values[59_999], f64::from(if name == "a" { 59_999 } else { 29_999 }));
        }
        assert!(short.parts[0].cases.iter().eq(long.parts[0].cases.iter().take(60_000)));
        let late = text + &"a,1,2,3\n".repeat(BLOCK) + "a,1,2\n";
        let error = Table::from_csv(late.as_bytes(), "case").unwrap_err().to_string();
        assert!(error.contains(&format!("line {} has 3 fields, not 4", 60_002 + BLOCK)), "{error}");
    }
}
