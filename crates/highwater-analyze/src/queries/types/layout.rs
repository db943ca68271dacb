//! What the layouts of types cost the blocks that are alive: padding, variants of enums that are much larger than the
//! others, and the variables that futures keep at their awaits.

use std::collections::HashMap;

use highwater_names::types;
use highwater_profile::Profile;
use serde::Serialize;

use crate::error::AnalyzeError;
use crate::group::RowKey;
use crate::queries::header::{Header, Omitted};
use crate::queries::types::TypeRow;
use crate::queries::types::shape::{Field, Shape, Variant};
use crate::query::Query;
use crate::statistics::estimate::Estimate;

/// How deep types inside of others are looked at.
const DEPTH: usize = 4;
/// Bytes of a value that a box must save at least.
const LEAST_BYTES: u64 = 16;
/// The same as a share of the value.
const LEAST_SHARE: f64 = 0.25;

/// The answer of [`layout()`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Layout {
    /// What the rows are about.
    pub header: Header,
    /// The types whose layout is known: most bytes first.
    pub rows: Vec<LayoutRow>,
    /// Types whose layout is not known.
    pub unknown: Omitted,
    /// What is known and not in `rows`.
    pub omitted: Omitted,
}

/// The layout of a type, and how many values there are.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct LayoutRow {
    /// The type.
    pub key: RowKey,
    /// Bytes of its blocks.
    pub bytes: Estimate,
    /// Number of values that the blocks have room for.
    pub values: Estimate,
    /// Size of a value in bytes.
    pub size: u64,
    /// Alignment in bytes.
    pub alignment: Option<u64>,
    /// Bytes of a value that no field uses, in the type and in those inside of it; `None` for enums.
    pub padding: Option<u64>,
    /// The fields that a value always has, by offset.
    pub fields: Vec<Field>,
    /// The variants with what they need: the largest first. The states of a future by line.
    pub variants: Vec<VariantRow>,
    /// Whether it is a future.
    pub is_future: bool,
    /// What a box would save, in the type itself or in one inside of it.
    pub boxed: Option<Boxed>,
}

/// A variant of an enum, or a state in which a future waits.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct VariantRow {
    /// Its name.
    pub name: String,
    /// Bytes of its fields.
    pub bytes: u64,
    /// The line of the await.
    pub line: Option<u64>,
    /// Its fields, the largest first.
    pub fields: Vec<Field>,
}

/// What a box around the content of an enum's largest variant would save.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Boxed {
    /// The enum.
    pub type_name: String,
    /// Its size in bytes.
    pub size: u64,
    /// The variant.
    pub variant: String,
    /// Bytes of the variant's fields.
    pub variant_bytes: u64,
    /// Bytes of the fields of the second largest variant.
    pub next_bytes: u64,
    /// The size of the enum with the box.
    pub size_then: u64,
    /// What is saved at most: values that are of this variant need a block of their own then.
    pub saves_up_to: Estimate,
}

/// The name by which a type is found in a list of layouts: debug information and mangled names call futures and closures
/// differently.
pub fn layout_key(type_name: &str) -> String {
    let name = types::short(type_name).replace("{async_fn}", "{closure#0}");
    name.replace("{async_block#", "{closure#").replace("{coroutine_env#", "{closure#")
}

/// What the layouts of `profile`'s types cost. Whatever grouping the query has, a row is a type.
///
/// # Errors
/// [`AnalyzeError::NoSampleType`] when the profile has no values of the kind asked for.
pub fn layout(profile: &Profile, query: &Query, shapes: &[Shape]) -> Result<Layout, AnalyzeError> {
    let all = crate::queries::types::types(profile, &Query { limit: None, ..query.clone() })?;
    let shapes: HashMap<String, &Shape> =
        shapes.iter().map(|shape| (layout_key(&shape.name), shape)).collect();
    let shapes = Shapes { by_key: shapes };
    let (mut rows, mut unknown, mut left_out) = (Vec::new(), Omitted::default(), all.omitted);
    for row in &all.rows {
        let shape = row.key.type_name.as_deref().and_then(|name| shapes.get(name));
        match shape.filter(|shape| shape.size > 0) {
            Some(_) if query.limit.is_some_and(|limit| rows.len() >= limit) => add(&mut left_out, row),
            Some(shape) => rows.push(shapes.row(row, shape)),
            None => add(&mut unknown, row),
        }
    }
    Ok(Layout { header: all.header, rows, unknown, omitted: left_out })
}

fn add(omitted: &mut Omitted, row: &TypeRow) {
    omitted.rows += 1;
    omitted.value = omitted.value.saturating_add(row.bytes.value);
}

struct Shapes<'a> {
    by_key: HashMap<String, &'a Shape>,
}

impl<'a> Shapes<'a> {
    fn get(&self, name: &str) -> Option<&'a Shape> {
        self.by_key.get(&layout_key(name)).copied()
    }

    fn row(&self, row: &TypeRow, shape: &Shape) -> LayoutRow {
        let values = match (row.blocks, row.mean_block_bytes) {
            // A block of its own for each value, with counters and the like beside it.
            (Some(blocks), Some(mean)) if mean < 2.0 * shape.size as f64 => blocks,
            _ => row.bytes.scaled(1.0 / shape.size as f64),
        };
        let is_future = shape.is_future();
        let mut variants: Vec<VariantRow> =
            shape.variants.iter().filter(|it| !is_future || it.is_await()).map(variant_row).collect();
        if is_future {
            variants.sort_by_key(|it| it.line);
        } else {
            variants.sort_by_key(|it| std::cmp::Reverse(it.bytes));
        }
        LayoutRow {
            key: row.key.clone(),
            bytes: row.bytes,
            values,
            size: shape.size,
            alignment: shape.alignment,
            padding: shape.variants.is_empty().then(|| self.padding(shape, 0)),
            fields: shape.fields.clone(),
            variants,
            is_future,
            boxed: self.boxed(shape, &values, (1, 0)),
        }
    }

    /// Bytes that no field uses.
    fn padding(&self, shape: &Shape, depth: usize) -> u64 {
        let used: u64 = shape.fields.iter().map(|field| field.size).sum();
        let inner = shape.fields.iter().filter(|_| depth < DEPTH).map(|field| {
            let inner = self.get(&field.type_name).filter(|it| it.variants.is_empty());
            inner.map_or(0, |it| self.padding(it, depth + 1).saturating_mul(field.count))
        });
        // Fields of a union lie in one place.
        shape.size.saturating_sub(used).saturating_add(inner.sum()).min(shape.size)
    }

    /// What is best put into a box, of `count` values of this type in each of `values`.
    fn boxed(&self, shape: &Shape, values: &Estimate, (count, depth): (u64, usize)) -> Option<Boxed> {
        let own = boxed(shape, values, count);
        let fields = shape.fields.iter().chain(shape.variants.iter().flat_map(|it| &it.fields));
        let inner = fields.filter(|_| depth < DEPTH).filter_map(|field| {
            let inner = self.get(&field.type_name)?;
            self.boxed(inner, values, (count.saturating_mul(field.count), depth + 1))
        });
        own.into_iter().chain(inner).max_by_key(|it| it.saves_up_to.value)
    }
}

fn variant_row(variant: &Variant) -> VariantRow {
    let mut fields = variant.fields.clone();
    fields.sort_by_key(|field| std::cmp::Reverse(field.size));
    VariantRow { name: variant.name.clone(), bytes: variant.bytes(), line: variant.line, fields }
}

/// What a box around the content of the largest variant saves.
fn boxed(shape: &Shape, values: &Estimate, count: u64) -> Option<Boxed> {
    // The variants of the standard library's enums are not the reader's to change, and a future's are its states.
    let path = shape.name.split('<').next().unwrap_or_default();
    let is_foreign = ["core::", "alloc::", "std::"].iter().any(|of| path.starts_with(of));
    if is_foreign || shape.is_future() || shape.variants.len() < 2 {
        return None;
    }
    let largest = shape.variants.iter().max_by_key(|it| it.bytes())?;
    let others = || shape.variants.iter().filter(|it| !std::ptr::eq(*it, largest));
    let pointer = 8;
    let align = shape.alignment.unwrap_or(pointer).max(pointer);
    // The pointer lies behind the field that distinguishes the variants, where that is in front.
    let tag_end = shape.fields.iter().map(|field| field.offset + field.size).min().unwrap_or(0);
    let end_of_pointer =
        if tag_end <= pointer { tag_end.next_multiple_of(pointer) + pointer } else { pointer };
    let end = others().map(Variant::end).max()?.max(end_of_pointer);
    let size_then = end.checked_next_multiple_of(align)?;
    let saved = shape.size.saturating_sub(size_then);
    if saved < LEAST_BYTES || (saved as f64) < LEAST_SHARE * shape.size as f64 {
        return None;
    }
    Some(Boxed {
        type_name: types::short(&shape.name),
        size: shape.size,
        variant: largest.name.clone(),
        variant_bytes: largest.bytes(),
        next_bytes: others().map(Variant::bytes).max()?,
        size_then,
        saves_up_to: values.scaled(saved as f64 * count as f64),
    })
}
