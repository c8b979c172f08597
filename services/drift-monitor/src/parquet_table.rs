//! Tables of features from Parquet, such as those of [`crate::compact`]. Columns are read on all cores.

use std::fs::File;
use std::path::Path;

use bcs_drift::Table;
use bcs_drift::report::Skipped;
use bcs_drift::table::{Cases, Part, Values};
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use rayon::prelude::*;

/// Number of values that are read at once.
const BATCH: usize = 8192;

/// Why a file is not a table.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened.
    #[error("{0}")]
    Open(#[from] std::io::Error),
    /// The file is not Parquet, or of a kind that is not supported.
    #[error(
        "cannot read the Parquet: {0}; write it without nested columns, compressed by Snappy or not at all"
    )]
    Parquet(#[from] ParquetError),
    /// A value is NaN or infinite.
    #[error(transparent)]
    Value(#[from] bcs_drift::Error),
}

/// A column that was read.
enum Column {
    Values(Values),
    Cases(Cases),
    Skipped(String),
}

/// Reads a table. Missing values are null. Columns that are not numeric are skipped; the column `case`, if there is one, names the
/// case of each row.
///
/// # Errors
/// [`Error`].
pub fn read(path: &Path, case: &str) -> Result<Table, Error> {
    let metadata = open(path)?.metadata().clone();
    let columns = metadata.file_metadata().schema_descr().columns();
    let read = columns.par_iter().enumerate().map(|(at, column)| read_column(path, at, column, case));
    let read = read.collect::<Result<Vec<_>, _>>()?;
    let rows = usize::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
    let (mut part, mut skipped) = (Part::default(), Vec::new());
    for (column, read) in columns.iter().zip(read) {
        let name = column.path().string();
        match read {
            Column::Values(values) => _ = part.features.insert(name, values),
            Column::Cases(cases) => part.cases = cases,
            Column::Skipped(reason) => skipped.push(Skipped { name, reason }),
        }
    }
    if part.cases.rows() == 0 {
        part.cases = std::iter::repeat_n(None, rows).collect();
    }
    Ok(Table { rows, parts: vec![part], skipped })
}

/// Opens the file once more, because copies of a file share the position that they read from.
fn open(path: &Path) -> Result<SerializedFileReader<File>, Error> {
    Ok(SerializedFileReader::new(File::open(path)?)?)
}

fn read_column(path: &Path, at: usize, column: &ColumnDescriptor, case: &str) -> Result<Column, Error> {
    let name = column.path().string();
    if column.max_rep_level() > 0 || column.path().parts().len() > 1 {
        return Ok(Column::Skipped("is nested".to_owned()));
    }
    let file = open(path)?;
    let text = column.physical_type() == Physical::BYTE_ARRAY;
    if name == case {
        return Ok(match column.physical_type() {
            Physical::BYTE_ARRAY => Column::Cases(cases::<ByteArrayType>(&file, at, |case| {
                String::from_utf8_lossy(case.data()).into_owned()
            })?),
            Physical::INT64 => Column::Cases(cases::<Int64Type>(&file, at, ToString::to_string)?),
            Physical::INT32 => Column::Cases(cases::<Int32Type>(&file, at, ToString::to_string)?),
            other => Column::Skipped(format!("holds {other}, which names no cases")),
        });
    }
    let number = is_number(column);
    let is_signed = !is_unsigned(column);
    Ok(match column.physical_type() {
        Physical::DOUBLE if number => Column::Values(values::<DoubleType>(&file, at, &name, |value| value)?),
        Physical::FLOAT if number => Column::Values(values::<FloatType>(&file, at, &name, f64::from)?),
        Physical::INT32 if number && is_signed => {
            Column::Values(values::<Int32Type>(&file, at, &name, f64::from)?)
        }
        Physical::INT32 if number => {
            Column::Values(values::<Int32Type>(&file, at, &name, |value| f64::from(value.cast_unsigned()))?)
        }
        Physical::INT64 if number && is_signed => {
            Column::Values(values::<Int64Type>(&file, at, &name, |value| value as f64)?)
        }
        Physical::INT64 if number => {
            Column::Values(values::<Int64Type>(&file, at, &name, |value| value.cast_unsigned() as f64)?)
        }
        _ if text => Column::Skipped("holds text, which is not a number".to_owned()),
        other => Column::Skipped(format!("holds {other} that are not plain numbers")),
    })
}

/// Whether integers stand for numbers, and not for times, dates or decimals.
fn is_number(column: &ColumnDescriptor) -> bool {
    match column.logical_type_ref() {
        Some(logical) => matches!(logical, LogicalType::Integer(_)),
        None => matches!(
            column.converted_type(),
            ConvertedType::NONE
                | ConvertedType::INT_8
                | ConvertedType::INT_16
                | ConvertedType::INT_32
                | ConvertedType::INT_64
                | ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64
        ),
    }
}

fn is_unsigned(column: &ColumnDescriptor) -> bool {
    matches!(
        column.converted_type(),
        ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
    )
}

/// Reads a column of numbers.
fn values<T: DataType>(
    file: &SerializedFileReader<File>,
    at: usize,
    name: &str,
    number: impl Fn(T::T) -> f64,
) -> Result<Values, Error> {
    let rows = usize::try_from(file.metadata().file_metadata().num_rows()).unwrap_or_default();
    let mut values = Vec::with_capacity(rows);
    let mut result = Ok(());
    visit::<T>(file, at, |value| {
        let value = value.map_or(f64::NAN, |value| match number(value) {
            value if value.is_finite() => value,
            value => {
                if result.is_ok() {
                    let row = values.len() + 1;
                    let (feature, value) = (name.to_owned(), value.to_string());
                    result = Err(bcs_drift::Error::NotFinite { feature, row, value });
                }
                value
            }
        });
        values.push(value);
    })?;
    result?;
    Ok(Values::from_vec(values))
}

/// Reads the column of the cases.
fn cases<T: DataType>(
    file: &SerializedFileReader<File>,
    at: usize,
    name: impl Fn(&T::T) -> String,
) -> Result<Cases, Error> {
    let mut cases = Cases::default();
    visit::<T>(file, at, |value| {
        let name = value.as_ref().map(&name).filter(|name| !name.is_empty());
        cases.push(name.as_deref());
    })?;
    Ok(cases)
}

/// Visits the values of a column that is not nested; `None` where a value is missing.
fn visit<T: DataType>(
    file: &SerializedFileReader<File>,
    at: usize,
    mut visit: impl FnMut(Option<T::T>),
) -> Result<(), Error> {
    let (mut values, mut levels) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group)?;
        let most = group.metadata().column(at).column_descr().max_def_level();
        let mut column = get_typed_column_reader::<T>(group.get_column_reader(at)?);
        loop {
            values.clear();
            levels.clear();
            let (rows, ..) = column.read_records(BATCH, Some(&mut levels), None, &mut values)?;
            if rows == 0 {
                break;
            }
            let mut present = values.drain(..);
            for row in 0..rows {
                let is_present = most == 0 || levels.get(row) == Some(&most);
                visit(if is_present { present.next() } else { None });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::data_type::BoolType;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
    use parquet::schema::parser::parse_message_type;

    use super::*;

    const SCHEMA: &str = "message table {
        optional binary case (string);
        required double a;
        optional float b;
        optional int32 c (integer(32, false));
        required int64 d;
        required int64 time (timestamp(micros, true));
        required boolean e;
        required binary name (string);
    }";

    fn write<T: DataType>(group: &mut SerializedRowGroupWriter<'_, File>, values: &[T::T], levels: &[i16]) {
        let mut column = group.next_column().unwrap().unwrap();
        let levels = (!levels.is_empty()).then_some(levels);
        column.typed::<T>().write_batch(values, levels, None).unwrap();
        column.close().unwrap();
    }

    /// Writes two groups of three rows.
    fn file(path: &Path, last: f64) {
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let properties = Arc::new(WriterProperties::default());
        let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
        for start in [0_u8, 3] {
            let mut group = writer.next_row_group().unwrap();
            write::<ByteArrayType>(&mut group, &["x".into(), "y".into()], &[1, 0, 1]);
            write::<DoubleType>(&mut group, &[start.into(), 0.5, last], &[]);
            write::<FloatType>(&mut group, &[0.25], &[0, 1, 0]);
            write::<Int32Type>(&mut group, &[-1, 7, 0], &[1, 1, 1]);
            write::<Int64Type>(&mut group, &[-1, 1 << 40, 3], &[]);
            write::<Int64Type>(&mut group, &[1, 2, 3], &[]);
            write::<BoolType>(&mut group, &[true, false, true], &[]);
            write::<ByteArrayType>(&mut group, &["1".into(), "2".into(), "3".into()], &[]);
            group.close().unwrap();
        }
        writer.close().unwrap();
    }

    #[test]
    fn numbers_of_all_kinds_and_cases_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.parquet");
        file(&path, 2.0);
        let table = read(&path, "case").unwrap();
        assert_eq!(table.rows, 6);
        assert_eq!(table.values("a").unwrap(), [0.0, 0.5, 2.0, 3.0, 0.5, 2.0]);
        let part = &table.parts[0];
        assert!(part.features["b"].iter().eq([None, Some(0.25), None, None, Some(0.25), None]));
        assert_eq!(table.values("c").unwrap()[..3], [f64::from(u32::MAX), 7.0, 0.0]);
        assert_eq!(table.values("d").unwrap()[..3], [-1.0, (1_u64 << 40) as f64, 3.0]);
        assert!(part.cases.iter().eq([Some("x"), None, Some("y"), Some("x"), None, Some("y")]));
        let skipped: Vec<&str> = table.skipped.iter().map(|skipped| skipped.name.as_str()).collect();
        assert_eq!(skipped, ["time", "e", "name"]);
        let by_number = read(&path, "d").unwrap();
        assert!(by_number.parts[0].cases.iter().take(2).eq([Some("-1"), Some("1099511627776")]));
    }

    #[test]
    fn what_is_no_table_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.parquet");
        file(&path, f64::NAN);
        let error = read(&path, "case").unwrap_err().to_string();
        assert!(error.contains("'a', row 3: NaN"), "{error}");
        std::fs::write(&path, "case,a\n").unwrap();
        assert!(read(&path, "case").unwrap_err().to_string().contains("cannot read the Parquet"));
    }
}
