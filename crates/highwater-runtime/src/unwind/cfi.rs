//! Rules from call frame information, read with gimli in storage on the stack.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem;
use core::ops::Range;
use core::sync::atomic::{AtomicPtr, Ordering};

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, NativeEndian, Pointer, ReaderOffset,
    RegisterRule, UnwindContext, UnwindContextStorage, UnwindSection, UnwindTableRow, X86_64,
};

use super::method;
use super::module_id;
use super::rule::Rule;
use crate::sys;

/// What glibc tells of the module that holds an address; `struct dl_find_object` in its `dlfcn.h`.
#[repr(C)]
struct FoundObject {
    flags: u64,
    map_start: *const u8,
    map_end: *const u8,
    link_map: *const c_void,
    eh_frame_hdr: *const u8,
    reserved: [u64; 7],
}

/// The signature of [`FIND_OBJECT`].
// SAFETY of calling it: any address may be asked for; there must be room for the result.
type FindObject = unsafe extern "C" fn(address: *const c_void, result: *mut FoundObject) -> c_int;

/// glibc's `_dl_find_object`, which takes no lock: a walk must not wait for a `dlopen` in another thread. Null where
/// glibc is older than 2.35.
static FIND_OBJECT: AtomicPtr<c_void> = AtomicPtr::new(core::ptr::null_mut());

/// Looks up what is needed from the C library. To be called once, before the first walk.
pub(super) fn start() {
    // SAFETY: the name is a C string.
    let function = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) };
    super::bounds::start();
    FIND_OBJECT.store(function, Ordering::Release);
}

/// Whether rules can be made.
pub(super) fn is_available() -> bool {
    !FIND_OBJECT.load(Ordering::Acquire).is_null()
}

/// [`module_id`] of the module that holds `address` and the module's addresses, if the C library knows it.
///
/// # Safety
/// One of the functions of that module is on the calling thread's stack, so that it stays loaded.
pub(super) unsafe fn module_at(address: usize) -> Option<(Range<usize>, u64)> {
    /// What `link_map` of glibc's `link.h` begins with.
    #[repr(C)]
    struct LinkMap {
        base: u64,
        name: *const c_char,
    }
    let function = FIND_OBJECT.load(Ordering::Acquire);
    if function.is_null() {
        return None;
    }
    // SAFETY: this is the address of the function of that name, whose type glibc documents.
    let find_object = unsafe { mem::transmute::<*mut c_void, FindObject>(function) };
    let mut found = mem::MaybeUninit::<FoundObject>::uninit();
    // SAFETY: any address may be asked for, and there is room for the result.
    if unsafe { find_object(core::ptr::without_provenance(address), found.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so the result is there.
    let found = unsafe { found.assume_init() };
    // SAFETY: glibc says that the module has this description, which lives as long as the module.
    let map = unsafe { found.link_map.cast::<LinkMap>().as_ref() }?;
    let name = if map.name.is_null() {
        c""
    } else {
        // SAFETY: the loader's names are C strings that live as long as the module.
        unsafe { CStr::from_ptr(map.name) }
    };
    let build_id: &[u8] = if name.is_empty() {
        // The program itself, which nothing takes the place of.
        b""
    } else {
        // SAFETY: the library is loaded and begins with the page at its start.
        unsafe { sys::build_id_at(found.map_start, map.base) }
    };
    let range = found.map_start.addr()..found.map_end.addr();
    Some((range, module_id(map.base, name.to_bytes(), build_id)))
}

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
    let function = FIND_OBJECT.load(Ordering::Acquire);
    if function.is_null() {
        return None;
    }
    // SAFETY: this is the address of the function of that name, whose type glibc documents.
    let find_object = unsafe { mem::transmute::<*mut c_void, FindObject>(function) };
    let mut found = mem::MaybeUninit::<FoundObject>::uninit();
    // SAFETY: any address may be asked for, and there is room for the result.
    if unsafe { find_object(core::ptr::without_provenance(address), found.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so the result is there.
    let found = unsafe { found.assume_init() };
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
