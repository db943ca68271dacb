//! One type's layout out of its entry.

use std::collections::HashMap;

use gimli::{UnitOffset, UnitRef};

use super::entry::{Entries, Entry};
use super::shape::{FieldLayout, TypeLayout, VariantLayout};
use crate::sections::Slice;

/// How deep types inside of a wanted type are read.
const DEPTH: usize = 4;
/// Maximum entries below a type. Real types have at most some thousand.
const MAX_ENTRIES: usize = 100_000;
/// Maximum references from a type to another one.
const MAX_CHAIN: usize = 16;

/// Reads types of a unit.
pub(super) struct Reader<'a, 'unit, 'data> {
    pub unit: UnitRef<'unit, Slice<'data>>,
    pub names: &'a HashMap<UnitOffset, String>,
    pub found: &'a mut HashMap<String, TypeLayout>,
}

/// What a reference to a type leads to.
struct Target {
    name: String,
    size: u64,
    count: u64,
    /// The entry of the type, or of the elements' type.
    at: UnitOffset,
}

impl Reader<'_, '_, '_> {
    /// Adds the type at `offset`, and the types inside of it. A damaged entry adds nothing.
    pub fn add(&mut self, offset: UnitOffset, depth: usize) {
        let Some(name) = self.names.get(&offset) else { return };
        if depth > DEPTH || self.found.contains_key(name) {
            return;
        }
        let name = name.clone();
        let Some((layout, inner)) = self.read(offset, &name) else { return };
        self.found.insert(name, layout);
        for offset in inner {
            self.add(offset, depth + 1);
        }
    }

    /// The layout of the type at `offset`, and the types of its fields.
    fn read(&self, offset: UnitOffset, name: &str) -> Option<(TypeLayout, Vec<UnitOffset>)> {
        let mut entries = Entries::from(self.unit, Some(offset))?;
        let own = entries.next(|_| true)?;
        let mut inner = Vec::new();
        let mut layout = TypeLayout {
            name: name.to_owned(),
            size: own.size?,
            alignment: own.alignment,
            fields: Vec::new(),
            variants: Vec::new(),
        };
        for _ in 0..MAX_ENTRIES {
            let Some(entry) = entries.next(|_| true).filter(|it| it.depth > own.depth) else { break };
            match (entry.tag, entry.depth - own.depth) {
                // Below the variants lies the field that distinguishes them.
                (gimli::DW_TAG_member, 1 | 2) => layout.fields.extend(self.field(&entry, &mut inner)),
                (gimli::DW_TAG_member, 3) => layout.variants.extend(self.variant(&entry, &mut inner)),
                _ => {}
            }
        }
        // Types that are declared inside of the type are no parts of it, and neither are their members.
        layout.fields.sort_by_key(|field| field.offset);
        Some((layout, inner))
    }

    fn variant(&self, member: &Entry, inner: &mut Vec<UnitOffset>) -> Option<VariantLayout> {
        let at = member.type_at?;
        let mut entries = Entries::from(self.unit, Some(at))?;
        let own = entries.next(|_| true)?;
        let mut fields = Vec::new();
        for _ in 0..MAX_ENTRIES {
            let Some(entry) = entries.next(|_| true).filter(|it| it.depth > own.depth) else { break };
            if entry.tag == gimli::DW_TAG_member && entry.depth == own.depth + 1 {
                let field = self.field(&entry, inner);
                fields
                    .extend(field.map(|field| FieldLayout { offset: field.offset + member.place, ..field }));
            }
        }
        fields.sort_by_key(|field| field.offset);
        // The member that stands for a state of a future is called by its number, and its type by what it is.
        let name = own.name.or_else(|| member.name.clone())?;
        Some(VariantLayout { name, fields, line: member.line })
    }

    fn field(&self, member: &Entry, inner: &mut Vec<UnitOffset>) -> Option<FieldLayout> {
        let target = self.target(member.type_at?, 0)?;
        inner.push(target.at);
        Some(FieldLayout {
            name: member.name.clone().unwrap_or_default(),
            offset: member.place,
            size: target.size,
            type_name: target.name,
            count: target.count,
        })
    }

    fn target(&self, at: UnitOffset, chain: usize) -> Option<Target> {
        if chain > MAX_CHAIN {
            return None;
        }
        let mut entries = Entries::from(self.unit, Some(at))?;
        let own = entries.next(|_| true)?;
        let name = || self.names.get(&at).cloned().or_else(|| own.name.clone());
        let pointer = u64::from(self.unit.encoding().address_size);
        match own.tag {
            gimli::DW_TAG_array_type => {
                let element = self.target(own.type_at?, chain + 1)?;
                let range = entries.next(|_| true).filter(|it| it.tag == gimli::DW_TAG_subrange_type)?;
                let count = element.count.checked_mul(range.count?)?;
                Some(Target { size: element.size.checked_mul(range.count?)?, count, ..element })
            }
            gimli::DW_TAG_typedef | gimli::DW_TAG_const_type | gimli::DW_TAG_volatile_type => {
                self.target(own.type_at?, chain + 1)
            }
            gimli::DW_TAG_pointer_type | gimli::DW_TAG_reference_type => Some(Target {
                name: name().unwrap_or_else(|| "*".to_owned()),
                size: own.size.unwrap_or(pointer),
                count: 1,
                at,
            }),
            _ => Some(Target { name: name()?, size: own.size?, count: 1, at }),
        }
    }
}
