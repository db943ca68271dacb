//! The frames of stacks: what their names and files say of them, which belong together, and which one a value is put down to.

pub(crate) mod attribution;
pub(crate) mod class;
pub(crate) mod code;
pub(crate) mod drop_frames;
pub(crate) mod filter;
pub(crate) mod frame;
pub(crate) mod re2;
pub(crate) mod resolver;
pub(crate) mod symbols;
pub(crate) mod types;
