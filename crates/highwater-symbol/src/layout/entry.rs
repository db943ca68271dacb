//! Entries of debug information, as far as layouts need them.

use gimli::{AttributeValue, EntriesRaw, UnitOffset, UnitRef};

use crate::sections::Slice;

/// The attributes of an entry.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub offset: UnitOffset,
    /// Depth below the first entry that was read.
    pub depth: isize,
    pub tag: gimli::DwTag,
    pub name: Option<String>,
    pub size: Option<u64>,
    pub alignment: Option<u64>,
    /// Offset of a member in what it is a member of.
    pub place: u64,
    pub line: Option<u64>,
    pub type_at: Option<UnitOffset>,
    /// Number of elements, of the range of an array.
    pub count: Option<u64>,
}

/// The entries of a unit, one after the other, from one of them on.
pub(super) struct Entries<'unit, 'data> {
    unit: UnitRef<'unit, Slice<'data>>,
    raw: EntriesRaw<'unit, Slice<'data>>,
}

impl<'unit, 'data> Entries<'unit, 'data> {
    /// The entries from `offset` on, or all. `None` where the unit is damaged.
    pub fn from(unit: UnitRef<'unit, Slice<'data>>, offset: Option<UnitOffset>) -> Option<Self> {
        Some(Self { unit, raw: unit.unit.entries_raw(offset).ok()? })
    }

    /// The next entry whose tag is of interest; `None` at the end and where the unit is damaged.
    pub fn next(&mut self, is_of_interest: impl Fn(gimli::DwTag) -> bool) -> Option<Entry> {
        while !self.raw.is_empty() {
            let (offset, depth) = (self.raw.next_offset(), self.raw.next_depth());
            let Some(abbreviation) = self.raw.read_abbreviation().ok()? else { continue };
            if !is_of_interest(abbreviation.tag()) {
                self.raw.skip_attributes(abbreviation.attributes()).ok()?;
                continue;
            }
            let mut entry = Entry {
                offset,
                depth,
                tag: abbreviation.tag(),
                name: None,
                size: None,
                alignment: None,
                place: 0,
                line: None,
                type_at: None,
                count: None,
            };
            for &spec in abbreviation.attributes() {
                let attribute = self.raw.read_attribute(spec).ok()?;
                let value = attribute.value();
                match attribute.name() {
                    gimli::DW_AT_name => {
                        let text = self.unit.attr_string(value).ok()?;
                        entry.name = Some(text.to_string_lossy().into_owned());
                    }
                    gimli::DW_AT_byte_size => entry.size = value.udata_value(),
                    gimli::DW_AT_alignment => entry.alignment = value.udata_value(),
                    gimli::DW_AT_data_member_location => entry.place = value.udata_value().unwrap_or(0),
                    gimli::DW_AT_decl_line => entry.line = value.udata_value(),
                    gimli::DW_AT_count => entry.count = value.udata_value(),
                    gimli::DW_AT_type => {
                        entry.type_at = match value {
                            AttributeValue::UnitRef(offset) => Some(offset),
                            // In another unit, which only link-time optimization writes.
                            AttributeValue::DebugInfoRef(offset) => offset.to_unit_offset(&self.unit.header),
                            _ => None,
                        }
                    }
                    _ => {}
                }
            }
            return Some(entry);
        }
        None
    }
}
