//! The parts of a function's debug information that its linker name lacks: its own name with type arguments,
//! and the names of its type parameters.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use gimli::{AttributeValue, DebugInfoOffset, Dwarf, DwarfFileType, Unit, UnitHeader, UnitOffset, UnitRef};

use crate::sections::Slice;

/// Maximum chain of entries that refer to each other; real chains have at most three.
const MAX_CHAIN: usize = 8;
/// Maximum entries below a function to search for its type parameters.
const MAX_ENTRIES: usize = 20_000;

/// The description of a function in debug information.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    /// Its name without path, with type arguments: `push<demo::Session, alloc::alloc::Global>`.
    pub(crate) name: String,
    /// The names of the type parameters of the function and of its enclosing items, in the order of the
    /// arguments. Empty if the debug information has lines only.
    pub(crate) parameters: Vec<String>,
}

type UnitOf<'a> = Rc<Unit<Slice<'a>>>;

/// The position of a function's entry: the address of its unit in memory, and the offset.
type Place = (usize, usize);

/// One thread's view of the functions' entries.
#[derive(Default)]
pub(crate) struct Dies<'a> {
    /// Offsets and headers of the units of the main file, sorted.
    headers: OnceCell<Vec<(usize, UnitHeader<Slice<'a>>)>>,
    units: RefCell<HashMap<usize, Option<UnitOf<'a>>>>,
    known: RefCell<HashMap<Place, Option<Rc<Described>>>>,
}

impl<'a> Dies<'a> {
    /// The description of the function whose entry is at `offset`; `None` if the entry is damaged.
    pub(crate) fn described(
        &self,
        unit: UnitRef<'_, Slice<'a>>,
        offset: UnitOffset,
    ) -> Option<Rc<Described>> {
        let place = (std::ptr::from_ref(unit.unit) as usize, offset.0);
        if let Some(known) = self.known.borrow().get(&place) {
            return known.clone();
        }
        let found = self.read(unit, offset).map(Rc::new);
        self.known.borrow_mut().insert(place, found.clone());
        found
    }

    fn read(&self, unit: UnitRef<'_, Slice<'a>>, offset: UnitOffset) -> Option<Described> {
        let mut name = None;
        // From the entry at `offset` to the most abstract one, which has the fewest children. `None` stands
        // for the current unit.
        let mut chain: Vec<(Option<UnitOf<'a>>, UnitOffset)> = vec![(None, offset)];
        while chain.len() < MAX_CHAIN {
            let (own, offset) = chain.last()?;
            let unit = own.as_deref().map_or(unit, |own| UnitRef::new(unit.dwarf, own));
            let mut entries = unit.entries_raw(Some(*offset)).ok()?;
            let abbreviation = entries.read_abbreviation().ok()??;
            let mut next = None;
            for &spec in abbreviation.attributes() {
                let attribute = entries.read_attribute(spec).ok()?;
                match attribute.name() {
                    gimli::DW_AT_name if name.is_none() => {
                        let text = unit.attr_string(attribute.value()).ok()?;
                        name = Some(text.to_string_lossy().into_owned());
                    }
                    gimli::DW_AT_abstract_origin | gimli::DW_AT_specification => {
                        next = Some(attribute.value())
                    }
                    _ => {}
                }
            }
            match next {
                None => break,
                Some(AttributeValue::UnitRef(offset)) => {
                    let own = own.clone();
                    chain.push((own, offset));
                }
                Some(AttributeValue::DebugInfoRef(offset)) if unit.dwarf.file_type == DwarfFileType::Main => {
                    let (own, offset) = self.elsewhere(unit.dwarf, offset)?;
                    chain.push((Some(own), offset));
                }
                Some(_) => break,
            }
        }
        let name = name?;
        let mut parameters = Vec::new();
        if name.ends_with('>') {
            for (own, offset) in chain.iter().rev() {
                let unit = own.as_deref().map_or(unit, |own| UnitRef::new(unit.dwarf, own));
                parameters = parameters_of(unit, *offset).unwrap_or_default();
                if !parameters.is_empty() {
                    break;
                }
            }
        }
        Some(Described { name, parameters })
    }

    /// The unit of the main file that contains an offset.
    fn elsewhere(
        &self,
        dwarf: &Dwarf<Slice<'a>>,
        offset: DebugInfoOffset,
    ) -> Option<(UnitOf<'a>, UnitOffset)> {
        let headers = self.headers.get_or_init(|| {
            let mut all = Vec::new();
            let mut units = dwarf.units();
            while let Ok(Some(header)) = units.next() {
                if let Some(at) = header.debug_info_offset() {
                    all.push((at.0, header));
                }
            }
            all
        });
        let (at, header) = headers.get(headers.partition_point(|it| it.0 <= offset.0).checked_sub(1)?)?;
        let unit = self
            .units
            .borrow_mut()
            .entry(*at)
            .or_insert_with(|| dwarf.unit(*header).ok().map(Rc::new))
            .clone()?;
        let offset = offset.to_unit_offset(&unit.header)?;
        Some((unit, offset))
    }
}

/// The names of the type parameters directly below an entry.
fn parameters_of(unit: UnitRef<'_, Slice<'_>>, offset: UnitOffset) -> Option<Vec<String>> {
    let mut entries = unit.entries_raw(Some(offset)).ok()?;
    let mut parameters = Vec::new();
    let function = entries.read_abbreviation().ok()??;
    entries.skip_attributes(function.attributes()).ok()?;
    if !function.has_children() {
        return Some(parameters);
    }
    for _ in 0..MAX_ENTRIES {
        let depth = entries.next_depth();
        if entries.is_empty() || depth < 1 {
            break;
        }
        let Some(child) = entries.read_abbreviation().ok()? else { continue };
        if depth > 1 || child.tag() != gimli::DW_TAG_template_type_parameter {
            entries.skip_attributes(child.attributes()).ok()?;
            continue;
        }
        for &spec in child.attributes() {
            let attribute = entries.read_attribute(spec).ok()?;
            if attribute.name() == gimli::DW_AT_name {
                parameters.push(unit.attr_string(attribute.value()).ok()?.to_string_lossy().into_owned());
            }
        }
    }
    Some(parameters)
}
