//! Layouts of a profile's types, from its files or from another build.

use std::collections::HashSet;
use std::path::Path;

use highwater_analyze::{Field, Query, Shape, Variant, layout_key};
use highwater_profile::Profile;
use highwater_symbol::{FieldLayout, HasTypes, LayoutFile, TypeLayout, VariantLayout};

use crate::command;
use crate::error::CliError;
use crate::load;
use crate::shared::Shared;

/// The layouts of the types that `profile` has blocks of.
///
/// # Errors
/// When no layout is found; the error says why, and what to do.
pub(crate) fn of(
    path: &Path,
    profile: &Profile,
    from: Option<&Path>,
    query: &Query,
    shared: &Shared,
) -> Result<Vec<Shape>, CliError> {
    let all = Query { limit: None, min_fraction: 0.0, ..query.clone() };
    let types = highwater_analyze::types(profile, &all).map_err(command::question(&[path]))?;
    let names = types.rows.iter().filter_map(|row| row.key.type_name.as_deref());
    let wanted: HashSet<String> = names.map(layout_key).collect();
    let is_wanted = |name: &str| wanted.contains(&layout_key(name));
    let read = || highwater_symbol::layouts(profile, from, &is_wanted, &shared.symbols());
    let found = load::busy("reading types", read)?;
    if found.types.is_empty() && !wanted.is_empty() {
        let target = from.unwrap_or(path).display().to_string();
        return Err(CliError::Target { target, reason: why_not(&found.files) });
    }
    Ok(found.types.into_iter().map(shape).collect())
}

/// Why no layout was found, and what to do. It is about the program, if that is among the files, and else
/// about the file that comes closest to having types.
fn why_not(files: &[LayoutFile]) -> String {
    let rank = |file: &&LayoutFile| {
        let rank = match &file.has {
            HasTypes::Yes => 0,
            HasTypes::NoFields => 1,
            HasTypes::Split => 2,
            HasTypes::Unusable(_) => 3,
            HasTypes::NoDebugInfo => 4,
            _ => 5,
        };
        (file.file.contains(".so"), rank)
    };
    let advice = "build the program with debug = \"full\" in its Cargo profile; a copy of the same source is \
                  enough: --layout-file PATH";
    let Some(LayoutFile { file, has }) = files.iter().min_by_key(rank) else {
        return format!("the profile names no file in which layouts could be; {advice}");
    };
    let reason = match has {
        HasTypes::Yes => "the debug information does not describe the types of this profile".to_owned(),
        HasTypes::NoFields => {
            "the debug information has functions and lines, and no fields of types".to_owned()
        }
        HasTypes::Split => "types in split debug information (.dwo, .dwp) are not read".to_owned(),
        HasTypes::Unusable(reason) => reason.clone(),
        HasTypes::NoDebugInfo => "it has no debug information".to_owned(),
        HasTypes::Missing(missing) => missing.to_string(),
        _ => "it cannot be used".to_owned(),
    };
    format!("no layout of a type is known: {file}: {reason}; {advice}")
}

fn shape(layout: TypeLayout) -> Shape {
    let TypeLayout { name, size, alignment, fields, variants } = layout;
    let fields = fields.into_iter().map(field).collect();
    Shape { name, size, alignment, fields, variants: variants.into_iter().map(variant).collect() }
}

fn field(field: FieldLayout) -> Field {
    let FieldLayout { name, offset, size, type_name, count } = field;
    Field { name, offset, size, type_name, count }
}

fn variant(variant: VariantLayout) -> Variant {
    let VariantLayout { name, fields, line } = variant;
    Variant { name, fields: fields.into_iter().map(field).collect(), line }
}
