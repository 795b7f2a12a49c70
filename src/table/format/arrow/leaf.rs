//! The columns of a schema that have one cell for each row.
//!
//! Columns below lists, maps and unions, run-end encoded ones, intervals and bytes that are no text are not offered. They
//! are copied as they are.

use arrow_schema::{DataType, Field, Schema, TimeUnit, UnionMode};

use crate::table::format::typed::{MAX_PRECISION, Unit, Whole};

/// How the values of a column are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// There are none.
    Null,
    /// One bit each.
    Bool,
    /// So many bytes each.
    Whole {
        whole: Whole,
        width: usize,
        signed: bool,
    },
    /// Milliseconds, of whole days.
    Date64,
    Float16,
    Float32,
    Float64,
    /// UTF-8 with offsets of so many bytes.
    Text {
        width: usize,
    },
    /// UTF-8 in views.
    View,
}

/// How the numbers of dictionary values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    pub width: usize,
    pub signed: bool,
    /// The number of the dictionary.
    pub id: i64,
    /// Whether the order of its values says something, so that none can be added.
    pub is_ordered: bool,
}

impl Keys {
    /// The largest number.
    pub fn largest(self) -> u128 {
        (1 << (8 * self.width - usize::from(self.signed))) - 1
    }
}

/// A column that is offered.
pub(super) struct Leaf {
    /// Its name, or its path below a struct.
    pub name: String,
    /// The top-level field, and in it the children that lead to the column.
    pub path: Vec<usize>,
    /// How its values are stored.
    pub form: Form,
    /// The type of its values.
    pub stored: DataType,
    /// Set if they are in a dictionary.
    pub keys: Option<Keys>,
}

/// The columns of a schema, in its order.
pub(super) fn leaves(schema: &Schema) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    for (number, field) in schema.fields().iter().enumerate() {
        gather(field, field.name().clone(), vec![number], &mut leaves);
    }
    leaves
}

/// The depth of nested fields is bounded by the check of the flatbuffer they come from.
fn gather(field: &Field, name: String, path: Vec<usize>, leaves: &mut Vec<Leaf>) {
    if let DataType::Struct(children) = field.data_type() {
        let above = if path.len() == 1 { format!("$.{name}") } else { name };
        for (number, child) in children.iter().enumerate() {
            gather(child, format!("{above}.{}", child.name()), [&path[..], &[number]].concat(), leaves);
        }
        return;
    }
    let (data_type, keys) = match field.data_type() {
        DataType::Dictionary(keys, values) => (&**values, keys_of(field, keys)),
        other => (other, None),
    };
    if let Some(form) = form(data_type) {
        leaves.push(Leaf { name, path, form, stored: data_type.clone(), keys });
    }
}

fn keys_of(field: &Field, data_type: &DataType) -> Option<Keys> {
    let width = data_type.primitive_width()?;
    // That it is to be removed is said since version 54; without it, no batch could be decoded.
    #[expect(deprecated)]
    let id = field.dict_id()?;
    let is_ordered = field.dict_is_ordered()?;
    Some(Keys { width, signed: data_type.is_signed_integer(), id, is_ordered })
}

fn form(data_type: &DataType) -> Option<Form> {
    use DataType as T;
    let whole = |whole, width, signed| Some(Form::Whole { whole, width, signed });
    match data_type {
        T::Null => Some(Form::Null),
        T::Boolean => Some(Form::Bool),
        T::Int8 => whole(Whole::Int(8), 1, true),
        T::Int16 => whole(Whole::Int(16), 2, true),
        T::Int32 => whole(Whole::Int(32), 4, true),
        T::Int64 => whole(Whole::Int(64), 8, true),
        T::UInt8 => whole(Whole::UInt(8), 1, false),
        T::UInt16 => whole(Whole::UInt(16), 2, false),
        T::UInt32 => whole(Whole::UInt(32), 4, false),
        T::UInt64 => whole(Whole::UInt(64), 8, false),
        T::Decimal32(precision, scale) => whole(decimal(*precision, *scale)?, 4, true),
        T::Decimal64(precision, scale) => whole(decimal(*precision, *scale)?, 8, true),
        T::Decimal128(precision, scale) => whole(decimal(*precision, *scale)?, 16, true),
        T::Date32 => whole(Whole::Date, 4, true),
        T::Date64 => Some(Form::Date64),
        T::Time32(of) => whole(Whole::Time(unit(*of)), 4, true),
        T::Time64(of) => whole(Whole::Time(unit(*of)), 8, true),
        T::Timestamp(of, zone) => whole(Whole::Moment { unit: unit(*of), zoned: zone.is_some() }, 8, true),
        T::Float16 => Some(Form::Float16),
        T::Float32 => Some(Form::Float32),
        T::Float64 => Some(Form::Float64),
        T::Utf8 => Some(Form::Text { width: 4 }),
        T::LargeUtf8 => Some(Form::Text { width: 8 }),
        T::Utf8View => Some(Form::View),
        _ => None,
    }
}

fn decimal(precision: u8, scale: i8) -> Option<Whole> {
    let scale = u8::try_from(scale).ok()?;
    ((1..=MAX_PRECISION).contains(&precision) && scale <= precision)
        .then_some(Whole::Decimal { precision, scale })
}

fn unit(unit: TimeUnit) -> Unit {
    match unit {
        TimeUnit::Second => Unit::Second,
        TimeUnit::Millisecond => Unit::Milli,
        TimeUnit::Microsecond => Unit::Micro,
        TimeUnit::Nanosecond => Unit::Nano,
    }
}

/// Where the buffers of each leaf are among those of a batch: the first, and how many hold the data of views.
pub(super) fn places(
    schema: &Schema,
    leaves: &[Leaf],
    variadic: &[i64],
    old_unions: bool,
) -> Option<Vec<(usize, usize)>> {
    let mut walk = Walk { at: 0, variadic: variadic.iter(), old_unions, leaves, places: Vec::new() };
    for (number, field) in schema.fields().iter().enumerate() {
        walk.field(field, &mut vec![number])?;
    }
    (walk.places.len() == leaves.len()).then_some(walk.places)
}

struct Walk<'a> {
    at: usize,
    variadic: std::slice::Iter<'a, i64>,
    /// Before version 5 of the metadata, unions had a bitmap of what is there.
    old_unions: bool,
    leaves: &'a [Leaf],
    places: Vec<(usize, usize)>,
}

impl Walk<'_> {
    fn field(&mut self, field: &Field, path: &mut Vec<usize>) -> Option<()> {
        use DataType as T;
        let first = self.at;
        let mut views = 0;
        self.at += match field.data_type() {
            T::Null | T::RunEndEncoded(..) => 0,
            T::Struct(_) | T::FixedSizeList(..) => 1,
            T::Utf8 | T::LargeUtf8 | T::Binary | T::LargeBinary | T::ListView(_) | T::LargeListView(_) => 3,
            T::Utf8View | T::BinaryView => {
                views = usize::try_from(*self.variadic.next()?).ok()?;
                views.checked_add(2)?
            }
            T::Union(_, mode) => 1 + usize::from(*mode == UnionMode::Dense) + usize::from(self.old_unions),
            _ => 2,
        };
        if self.leaves.get(self.places.len()).is_some_and(|leaf| leaf.path == *path) {
            self.places.push((first, views));
        }
        match field.data_type() {
            T::Struct(children) => {
                for (number, child) in children.iter().enumerate() {
                    path.push(number);
                    self.field(child, path)?;
                    path.pop();
                }
            }
            T::List(child)
            | T::LargeList(child)
            | T::ListView(child)
            | T::LargeListView(child)
            | T::FixedSizeList(child, _)
            | T::Map(child, _) => self.below(child)?,
            T::RunEndEncoded(ends, values) => {
                self.below(ends)?;
                self.below(values)?;
            }
            T::Union(children, _) => {
                for (_, child) in children.iter() {
                    self.below(child)?;
                }
            }
            _ => {}
        }
        Some(())
    }

    /// A field below one whose children are not offered.
    fn below(&mut self, field: &Field) -> Option<()> {
        self.field(field, &mut vec![usize::MAX])
    }
}
