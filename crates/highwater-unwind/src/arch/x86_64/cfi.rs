//! Rules from call frame information, read with gimli in storage on the stack.

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, NativeEndian, Pointer, ReaderOffset,
    RegisterRule, UnwindContext, UnwindContextStorage, UnwindSection, UnwindTableRow, X86_64,
};

use super::method;
use super::object::{FoundObject, object_at};
use super::rule::Rule;

/// Space for one evaluation. Compilers save at most the 17 registers of the architecture, and remember one state.
struct OnStack;

impl<T: ReaderOffset> UnwindContextStorage<T> for OnStack {
    type Rules = [(gimli::Register, RegisterRule<T>); 20];
    type Stack = [UnwindTableRow<T, Self>; 3];
}

/// The rule for the frame that executes the instruction at `address`: [`Rule::Other`] when there is no simple one, `None`
/// when no code is there.
#[cold]
#[inline(never)]
pub(super) fn rule_at(address: usize) -> Option<Rule> {
    let found = object_at(address)?;
    if found.eh_frame_hdr.is_null() {
        return Some(Rule::Other);
    }
    // SAFETY: glibc says that the table lies in the module, which is mapped because one of its functions is on
    // the calling thread's stack.
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
    // SAFETY: the table lies between its start and the end of the module. Only what the well-formed tables refer to
    // is read, all of it in the read-only segment that holds them.
    let section = |start: *const u8| unsafe {
        let length = found.map_end.addr().checked_sub(start.addr())?;
        Some(EndianSlice::new(core::slice::from_raw_parts(start, length), NativeEndian))
    };
    let bases = BaseAddresses::default().set_eh_frame_hdr(header_address);
    let header = EhFrameHdr::from(section(found.eh_frame_hdr)?).parse(&bases, 8).ok()?;
    let Pointer::Direct(frame_address) = header.eh_frame_ptr() else { return None };
    let bases = bases.set_eh_frame(frame_address);
    let frame_start = found.map_start.with_addr(usize::try_from(frame_address).ok()?);
    let frames = EhFrame::from(section(frame_start)?);
    let mut context = UnwindContext::<usize, OnStack>::new_in();
    let row = header
        .table()?
        .unwind_info_for_address(&frames, &bases, &mut context, address, EhFrame::cie_from_offset)
        .ok()?;
    simplify(row)
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
