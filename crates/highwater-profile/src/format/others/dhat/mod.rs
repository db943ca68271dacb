//! DHAT's JSON, version 2: what valgrind's `--tool=dhat` and the crate `dhat` write, and `dh_view.html`
//! shows.
//!
//! A row is a "program point": a stack, with totals since the start (`tb` bytes in `tbk` blocks), at the peak
//! of the process (`gb`, `gbk`), at the end (`eb`, `ebk`), and at the site's own maximum (`mb`, `mbk`). A
//! profile of copies or of events that a program reports itself (`ad-hoc`) has totals only.

mod decode;
mod encode;
mod schema;

pub(super) use decode::{decode, detect};
pub(super) use encode::encode;
