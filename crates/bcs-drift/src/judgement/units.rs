//! Units of a comparison: cases, or blocks of consecutive images where the case is not known.

use crate::table::{Part, Values};

/// Returns the length of the blocks of images without a case, √n of the smaller side: blocks of both sides must have the same
/// length, or their means would vary by different amounts.
pub(crate) fn block_length<'a>(parts: impl IntoIterator<Item = &'a Part>) -> usize {
    let without = |part: &Part| part.cases.positions().filter(Option::is_none).count();
    let smallest = parts.into_iter().map(without).filter(|count| *count > 0).min();
    (smallest.unwrap_or(1) as f64).sqrt().round() as usize
}

/// Units of one side.
#[derive(Debug)]
pub(crate) struct Units {
    /// Rows, those of a unit together.
    rows: Vec<u32>,
    /// End of each unit in `rows`.
    ends: Vec<usize>,
    /// Whether all rows have a case.
    pub clustered: bool,
}

impl Units {
    /// Groups the rows of a table by case, in the order of their names. Rows without a case become blocks of consecutive rows,
    /// after them: neighbours in time are likely to be of the same slide.
    pub(crate) fn new(part: &Part, block: usize) -> Self {
        let names: Vec<&str> = part.cases.names().collect();
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_unstable_by_key(|at| names[*at]);
        let mut sizes = vec![0; names.len()];
        part.cases.positions().flatten().for_each(|at| sizes[at] += 1);
        let (mut starts, mut ends, mut end) = (vec![0; names.len()], Vec::with_capacity(names.len()), 0);
        for at in order {
            starts[at] = end;
            end += sizes[at];
            ends.push(end);
        }
        let mut rows = vec![0; end];
        let mut without = Vec::new();
        for (row, case) in part.cases.positions().enumerate() {
            let row = u32::try_from(row).expect("as many rows do not fit into memory");
            match case {
                None => without.push(row),
                Some(at) => {
                    rows[starts[at]] = row;
                    starts[at] += 1;
                }
            }
        }
        for block in without.chunks(block.max(1)) {
            rows.extend_from_slice(block);
            ends.push(rows.len());
        }
        Self { rows, ends, clustered: without.is_empty() }
    }

    /// Number of units.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Groups the values of a feature by unit, without missing ones.
    pub(crate) fn group(&self, values: &Values) -> Grouped {
        let mut grouped = Grouped::with_capacity(self.rows.len(), self.len());
        let mut start = 0;
        for end in &self.ends {
            grouped.push(self.rows[start..*end].iter().filter_map(|row| values.get(*row as usize)));
            start = *end;
        }
        grouped
    }
}

/// Values by unit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grouped {
    /// Values, those of a unit together.
    pub values: Vec<f64>,
    /// End of each unit in `values`.
    ends: Vec<usize>,
}

impl Grouped {
    fn with_capacity(values: usize, units: usize) -> Self {
        Self { values: Vec::with_capacity(values), ends: Vec::with_capacity(units) }
    }

    /// Appends a unit, which may have no values.
    pub(crate) fn push(&mut self, values: impl IntoIterator<Item = f64>) {
        self.values.extend(values);
        self.ends.push(self.values.len());
    }

    /// Returns the values of each unit.
    pub(crate) fn units(&self) -> impl Iterator<Item = &[f64]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.values[start..*end])
    }

    /// Changes the values of each unit.
    pub(crate) fn each_unit(&mut self, mut change: impl FnMut(&mut [f64])) {
        let mut start = 0;
        for end in &self.ends {
            change(&mut self.values[start..*end]);
            start = *end;
        }
    }

    /// Returns the mean of each unit; `None` where it has no value.
    pub(crate) fn means(&self) -> impl Iterator<Item = Option<f64>> {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        self.units().map(move |values| (!values.is_empty()).then(|| mean(values)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(cases: &[Option<&str>]) -> Part {
        Part { cases: cases.iter().copied().collect(), ..Part::default() }
    }

    #[test]
    fn rows_are_grouped_by_case() {
        let units = Units::new(&part(&[Some("b"), Some("a"), Some("b")]), 1);
        assert!(units.clustered);
        let values = Values::from_iter([Some(1.0), None, Some(3.0)]);
        assert!(units.group(&values).means().eq([None, Some(2.0)]));
    }

    #[test]
    fn rows_without_case_are_blocks() {
        let (window, reference) = (part(&[None; 17]), part(&[None; 100]));
        let length = block_length([&reference, &window, &part(&[Some("a")])]);
        let units = Units::new(&window, length);
        assert!(!units.clustered);
        let grouped = units.group(&Values::from_iter([Some(0.0); 17]));
        assert!(grouped.units().map(<[f64]>::len).eq([4, 4, 4, 4, 1]));
        assert_eq!(Units::new(&part(&[]), 1).len(), 0);
    }
}
