use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::columns::Columns;

/// A file of Parquet: columns of the record, then one column per feature.
pub(super) struct Part {
    writer: SerializedFileWriter<Vec<u8>>,
    features: Vec<String>,
    rows: usize,
}

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

impl Part {
    /// Creates a file with the features of these rows.
    pub(super) fn new(columns: &Columns) -> Result<Self, ParquetError> {
        let features: Vec<String> = columns.features.keys().cloned().collect();
        let (text, number, real) = (Physical::BYTE_ARRAY, Physical::INT64, Physical::DOUBLE);
        let string = Some(LogicalType::String);
        let time = Some(LogicalType::timestamp(true, TimeUnit::MICROS));
        let mut fields = vec![
            field("id", text, string.clone(), true)?,
            field("time", number, time, true)?,
            field("model_version", text, string.clone(), true)?,
            field("source", text, string.clone(), false)?,
            field("case", text, string.clone(), false)?,
            field("image_sha256", text, string, true)?,
            field("width", number, None, true)?,
            field("height", number, None, true)?,
            field("record_format", number, None, true)?,
            field("drift_score", real, None, false)?,
        ];
        for name in &features {
            fields.push(field(name, real, None, false)?);
        }
        let schema = Type::group_type_builder("prediction").with_fields(fields).build()?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
        Ok(Self { writer, features, rows: 0 })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the file has all features of these rows.
    pub(super) fn has(&self, columns: &Columns) -> bool {
        columns.features.keys().all(|name| self.features.contains(name))
    }

    /// Appends rows, whose features the file has.
    pub(super) fn with(mut self, columns: &Columns) -> Result<Self, ParquetError> {
        let mut group = self.writer.next_row_group()?;
        required::<ByteArrayType>(&mut group, &columns.id)?;
        required::<Int64Type>(&mut group, &columns.time)?;
        required::<ByteArrayType>(&mut group, &columns.model_version)?;
        optional::<ByteArrayType>(&mut group, &columns.source)?;
        optional::<ByteArrayType>(&mut group, &columns.case)?;
        required::<ByteArrayType>(&mut group, &columns.image_sha256)?;
        required::<Int64Type>(&mut group, &columns.width)?;
        required::<Int64Type>(&mut group, &columns.height)?;
        required::<Int64Type>(&mut group, &columns.record_format)?;
        optional::<DoubleType>(&mut group, &columns.drift_score)?;
        for name in &self.features {
            optional::<DoubleType>(&mut group, &columns.feature(name))?;
        }
        group.close()?;
        self.rows += columns.rows();
        Ok(self)
    }

    /// Returns the bytes of the file.
    pub(super) fn finish(self) -> Result<Vec<u8>, ParquetError> {
        self.writer.into_inner()
    }
}

fn field(
    name: &str,
    physical: Physical,
    logical: Option<LogicalType>,
    required: bool,
) -> Result<Arc<Type>, ParquetError> {
    let repetition = if required { Repetition::REQUIRED } else { Repetition::OPTIONAL };
    let field = Type::primitive_type_builder(name, physical).with_repetition(repetition);
    field.with_logical_type(logical).build().map(Arc::new)
}

fn required<T: DataType>(group: &mut Group<'_>, values: &[T::T]) -> Result<(), ParquetError> {
    write::<T>(group, values, None)
}

fn optional<T: DataType>(group: &mut Group<'_>, values: &[Option<T::T>]) -> Result<(), ParquetError> {
    let levels: Vec<i16> = values.iter().map(|value| value.is_some().into()).collect();
    let present: Vec<T::T> = values.iter().flatten().cloned().collect();
    write::<T>(group, &present, Some(&levels))
}

fn write<T: DataType>(
    group: &mut Group<'_>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("there are more columns than fields".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}
