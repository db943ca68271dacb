//! Rules from call frame information, read with gimli in storage on the stack.

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EhFrameOffset, EndianSlice, NativeEndian, Pointer,
    ReaderOffset, RegisterRule, UnwindContext, UnwindContextStorage, UnwindSection, UnwindTableRow, X86_64,
};

use super::method;
use super::object::{FoundObject, object_at};
use super::rule::Rule;

/// Space for one evaluation. Compilers save at most the 17 registers of the architecture, and remember one
/// state.
struct OnStack;

impl<T: ReaderOffset> UnwindContextStorage<T> for OnStack {
    type Rules = [(gimli::Register, RegisterRule<T>); 20];
    type Stack = [UnwindTableRow<T, Self>; 3];
}

/// The rule for the frame that executes the instruction at `address`: [`Rule::Other`] when there is no simple
/// one, `None` when no code is there.
#[cold]
#[inline(never)]
pub(super) fn rule_at(address: usize) -> Option<Rule> {
    let found = object_at(address)?;
    if found.eh_frame_hdr.is_null() {
        return Some(Rule::Other);
    }
    // SAFETY: glibc says that the table lies in the module, which is mapped because one of its functions is
    // on the calling thread's stack.
    let rule = unsafe { read_rule(&found, address as u64) }.unwrap_or(Rule::Other);
    method::count(found.map_start.addr()..found.map_end.addr(), rule);
    Some(rule)
}

/// The rule for `address`, if the module's tables have a simple one.
///
/// # Safety
/// `found` describes a module that is mapped and stays so.
unsafe fn read_rule(found: &FoundObject, address: u64) -> Option<Rule> {
    let header_address = found.eh_frame_hdr.addr() as u64;
    // SAFETY: the table lies between its start and the end of the module. Only what the well-formed tables
    // refer to is read, all of it in the read-only segment that holds them.
    let section = |start: *const u8| unsafe {
        let length = found.map_end.addr().checked_sub(start.addr())?;
        Some(EndianSlice::new(core::slice::from_raw_parts(start, length), NativeEndian))
    };
    let bases = BaseAddresses::default().set_eh_frame_hdr(header_address);
    let header_bytes = section(found.eh_frame_hdr)?;
    let header = EhFrameHdr::from(header_bytes).parse(&bases, 8).ok()?;
    let Pointer::Direct(frame_address) = header.eh_frame_ptr() else { return None };
    let bases = bases.set_eh_frame(frame_address);
    let frame_start = found.map_start.with_addr(usize::try_from(frame_address).ok()?);
    let frames = EhFrame::from(section(frame_start)?);
    let mut context = UnwindContext::<usize, OnStack>::new_in();
    let row = match look_up(header_bytes.slice(), header_address, address) {
        Some(description) => {
            let offset = usize::try_from(description.checked_sub(frame_address)?).ok()?;
            let description =
                frames.fde_from_offset(&bases, EhFrameOffset(offset), EhFrame::cie_from_offset).ok()?;
            description.unwind_info_for_address(&frames, &bases, &mut context, address).ok()?
        }
        None => {
            let table = header.table()?;
            let cie = EhFrame::cie_from_offset;
            table.unwind_info_for_address(&frames, &bases, &mut context, address, cie).ok()?
        }
    };
    simplify(row)
}

/// The address of the description of the function at `address`, by the sorted table that linkers put behind
/// the header. `None` where the table is laid out in another way than all linkers have it, and for an address
/// in front of all functions. gimli does the same for all layouts, and takes fifty times as long where it is
/// not optimized, as in most test programs.
fn look_up(header: &[u8], header_address: u64, address: u64) -> Option<u64> {
    /// Version 1. All that follows has 4 bytes: a pointer relative to where it stands, a number, and pointers
    /// relative to the header.
    const LAYOUT: [u8; 4] = [1, 0x1b, 0x03, 0x3b];
    const ENTRY: usize = 8;
    let table = header.strip_prefix(&LAYOUT)?.get(4..)?;
    let count = u32::from_ne_bytes(table.get(..4)?.try_into().ok()?);
    let entries = table.get(4..)?.get(..usize::try_from(count).ok()?.checked_mul(ENTRY)?)?;
    let pointer = |at: usize| {
        let relative = i32::from_ne_bytes(entries.get(at..at + 4)?.try_into().ok()?);
        Some(header_address.wrapping_add_signed(i64::from(relative)))
    };
    let (mut low, mut high) = (0, entries.len() / ENTRY);
    while low < high {
        let middle = low + (high - low) / 2;
        if pointer(middle * ENTRY)? <= address {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    pointer(low.checked_sub(1)? * ENTRY + 4)
}

fn simplify(row: &UnwindTableRow<usize, OnStack>) -> Option<Rule> {
    match row.register(X86_64::RA) {
        // The return address is where a call puts it.
        Some(RegisterRule::Offset(-8)) => {}
        Some(RegisterRule::Undefined) | None => return Some(Rule::Root),
        Some(_) => return None,
    }
    let CfaRule::RegisterAndOffset { register, offset } = *row.cfa() else { return None };
    let from_frame_pointer = match register {
        X86_64::RBP => true,
        X86_64::RSP => false,
        _ => return None,
    };
    let saved_frame_pointer = match row.register(X86_64::RBP) {
        Some(RegisterRule::Offset(offset)) => Some(u16::try_from(-offset).ok().filter(|&it| it > 0)?),
        Some(RegisterRule::SameValue | RegisterRule::Undefined) | None => None,
        Some(_) => return None,
    };
    Some(Rule::caller(u32::try_from(offset).ok()?, from_frame_pointer, saved_frame_pointer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_found_by_the_table() {
        let mut header = vec![1, 0x1b, 0x03, 0x3b, 0, 0, 0, 0, 3, 0, 0, 0];
        for (function, description) in [(-0x100_i32, 0x40_i32), (0x10, 0x60), (0x200, 0x90)] {
            header.extend(function.to_ne_bytes());
            header.extend(description.to_ne_bytes());
        }
        let of = |address| look_up(&header, 0x1000, address);
        assert_eq!([of(0xeff), of(0xf00), of(0x100f)], [None, Some(0x1040), Some(0x1040)]);
        assert_eq!([of(0x1010), of(0x11ff), of(0x1200)], [Some(0x1060), Some(0x1060), Some(0x1090)]);
        assert_eq!(of(u64::MAX), Some(0x1090));
        for end in 0..header.len() {
            assert_eq!(look_up(&header[..end], 0x1000, 0x1200), None, "cut at {end}");
        }
        header[3] = 0x1b;
        assert_eq!(look_up(&header, 0x1000, 0x1200), None, "another layout");
    }
}
