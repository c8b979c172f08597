//! The cases of the rows of a table.

use indexmap::IndexSet;

/// Number of rows without a case.
const NONE: u32 = u32::MAX;

/// Cases of the rows of a table. Each name is stored once.
#[derive(Debug, Clone, Default)]
pub struct Cases {
    names: IndexSet<String>,
    /// Position of the name of each row, or [`NONE`].
    of_rows: Vec<u32>,
}

impl Cases {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.of_rows.len()
    }

    /// Appends a row.
    pub fn push(&mut self, case: Option<&str>) {
        let last = self.of_rows.last().and_then(|last| self.names.get_index(*last as usize));
        let position = match case {
            None => NONE,
            // Rows of a case usually follow each other.
            Some(case) if last.is_some_and(|last| last == case) => self.of_rows[self.of_rows.len() - 1],
            Some(case) => self.position(case),
        };
        self.of_rows.push(position);
    }

    /// Appends the rows of another table.
    pub fn append(&mut self, other: &Self) {
        let positions: Vec<u32> = other.names.iter().map(|name| self.position(name)).collect();
        self.of_rows.extend(
            other.of_rows.iter().map(|position| positions.get(*position as usize).copied().unwrap_or(NONE)),
        );
    }

    /// Returns the case of each row.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        self.of_rows.iter().map(|position| self.names.get_index(*position as usize).map(String::as_str))
    }

    /// Returns the names in the order of their first rows.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Returns the position of each row's case among the [`Cases::names`].
    pub(crate) fn positions(&self) -> impl Iterator<Item = Option<usize>> + '_ {
        self.of_rows.iter().map(|position| (*position != NONE).then_some(*position as usize))
    }

    fn position(&mut self, case: &str) -> u32 {
        let position = match self.names.get_index_of(case) {
            Some(position) => position,
            None => self.names.insert_full(case.to_owned()).0,
        };
        // As many names do not fit into memory.
        u32::try_from(position).unwrap_or(NONE)
    }
}

impl<'a> FromIterator<Option<&'a str>> for Cases {
    fn from_iter<I: IntoIterator<Item = Option<&'a str>>>(rows: I) -> Self {
        let mut cases = Self::default();
        rows.into_iter().for_each(|case| cases.push(case));
        cases
    }
}

impl PartialEq for Cases {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_cases() {
        let rows = [Some("b"), Some("b"), None, Some("a"), Some("b")];
        let mut cases = Cases::from_iter(rows);
        assert!(cases.iter().eq(rows));
        assert!(cases.names().eq(["b", "a"]));
        cases.append(&Cases::from_iter([None, Some("c"), Some("a")]));
        assert!(cases.iter().skip(5).eq([None, Some("c"), Some("a")]));
        assert_eq!(cases.names().len(), 3);
    }
}
