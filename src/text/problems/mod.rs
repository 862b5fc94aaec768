//! Problems with inputs: what is wrong with each, and what to give instead.

mod hook;
mod pasted;
mod usage;
mod values;

pub(crate) use self::hook::*;
pub(crate) use self::pasted::*;
pub(crate) use self::usage::*;
pub(crate) use self::values::*;
