//! The columns of a Parquet schema that have one cell for each row.
//!
//! A leaf below lists or maps has any number of values in a row, and bytes that are no text have no cell; neither is
//! offered, and both stay in the file untouched.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use crate::table::format::typed::{MAX_PRECISION, Unit, Whole};

/// How a leaf's values are read as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// An integer, perhaps as bytes.
    Whole(Whole),
    /// 32 or 64 bits of floating point.
    Float,
    /// UTF-8.
    Text,
    /// Nanoseconds of a Julian day: can be read only.
    Int96,
}

/// A column that is offered.
pub(super) struct Leaf {
    /// Its name, or its path below a struct.
    pub name: String,
    /// Its number among the leaves of the schema.
    pub index: usize,
    /// How its values are read.
    pub form: Form,
}

/// The columns of a schema, in its order.
pub(super) fn leaves(schema: &SchemaDescriptor) -> Vec<Leaf> {
    let leaf = |(index, column): (usize, &std::sync::Arc<ColumnDescriptor>)| {
        let form = form(column).filter(|_| column.max_rep_level() == 0)?;
        let name = match column.path().parts() {
            [name] => name.clone(),
            parts => format!("$.{}", parts.join(".")),
        };
        Some(Leaf { name, index, form })
    };
    schema.columns().iter().enumerate().filter_map(leaf).collect()
}

fn form(column: &ColumnDescriptor) -> Option<Form> {
    let whole = match column.physical_type() {
        Type::BOOLEAN => Whole::Bool,
        Type::INT32 => integer(column, 32)?,
        Type::INT64 => integer(column, 64)?,
        Type::INT96 => return Some(Form::Int96),
        Type::FLOAT | Type::DOUBLE => return Some(Form::Float),
        Type::BYTE_ARRAY if is_text(column) => return Some(Form::Text),
        Type::BYTE_ARRAY => decimal(column)?,
        Type::FIXED_LEN_BYTE_ARRAY => match column.logical_type_ref() {
            Some(LogicalType::Uuid) if column.type_length() == 16 => Whole::Uuid,
            _ if (1..=16).contains(&column.type_length()) => decimal(column)?,
            _ => return None,
        },
    };
    Some(Form::Whole(whole))
}

fn is_text(column: &ColumnDescriptor) -> bool {
    match column.logical_type_ref() {
        Some(logical) => matches!(logical, LogicalType::String | LogicalType::Enum | LogicalType::Json),
        None => {
            matches!(column.converted_type(), ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON)
        }
    }
}

fn decimal(column: &ColumnDescriptor) -> Option<Whole> {
    let (precision, scale) = match column.logical_type_ref() {
        Some(LogicalType::Decimal(decimal)) => (decimal.precision, decimal.scale),
        None if column.converted_type() == ConvertedType::DECIMAL => {
            (column.type_precision(), column.type_scale())
        }
        _ => return None,
    };
    let (precision, scale) = (u8::try_from(precision).ok()?, u8::try_from(scale).ok()?);
    ((1..=MAX_PRECISION).contains(&precision) && scale <= precision)
        .then_some(Whole::Decimal { precision, scale })
}

/// What an integer of so many bits means; nothing for meanings that are not known.
fn integer(column: &ColumnDescriptor, bits: u8) -> Option<Whole> {
    match column.logical_type_ref() {
        Some(LogicalType::Integer(integer)) => {
            let width = u8::try_from(integer.bit_width).ok().filter(|width| (1..=bits).contains(width))?;
            Some(if integer.is_signed { Whole::Int(width) } else { Whole::UInt(width) })
        }
        Some(LogicalType::Decimal(_)) => decimal(column),
        Some(LogicalType::Date) => Some(Whole::Date),
        Some(LogicalType::Time(time)) => Some(Whole::Time(unit(&time.unit))),
        Some(LogicalType::Timestamp(moment)) => {
            Some(Whole::Moment { unit: unit(&moment.unit), zoned: moment.is_adjusted_to_u_t_c })
        }
        Some(_) => None,
        None => converted(column, bits),
    }
}

/// The same for files that have only the older annotation.
fn converted(column: &ColumnDescriptor, bits: u8) -> Option<Whole> {
    Some(match column.converted_type() {
        ConvertedType::NONE => Whole::Int(bits),
        ConvertedType::INT_8 => Whole::Int(8),
        ConvertedType::INT_16 => Whole::Int(16),
        ConvertedType::INT_32 => Whole::Int(32),
        ConvertedType::INT_64 => Whole::Int(64),
        ConvertedType::UINT_8 => Whole::UInt(8),
        ConvertedType::UINT_16 => Whole::UInt(16),
        ConvertedType::UINT_32 => Whole::UInt(32),
        ConvertedType::UINT_64 => Whole::UInt(64),
        ConvertedType::DECIMAL => return decimal(column),
        ConvertedType::DATE => Whole::Date,
        ConvertedType::TIME_MILLIS => Whole::Time(Unit::Milli),
        ConvertedType::TIME_MICROS => Whole::Time(Unit::Micro),
        ConvertedType::TIMESTAMP_MILLIS => Whole::Moment { unit: Unit::Milli, zoned: true },
        ConvertedType::TIMESTAMP_MICROS => Whole::Moment { unit: Unit::Micro, zoned: true },
        _ => return None,
    })
}

fn unit(unit: &TimeUnit) -> Unit {
    match unit {
        TimeUnit::MILLIS => Unit::Milli,
        TimeUnit::MICROS => Unit::Micro,
        TimeUnit::NANOS => Unit::Nano,
    }
}
