//! What the program itself says: names of the calls of a stack, and what they show about a thread, a task or
//! a block.

pub(crate) mod classify;
pub(crate) mod constants;
mod front;
pub(crate) mod learnt;
pub(crate) mod path;
pub(crate) mod symbols;
pub(crate) mod types;
