//! Problems with inputs: what is wrong with each, and what to give instead.

mod header;
mod hook;
mod pasted;
mod sandbox;
mod usage;
mod values;
mod verify;

pub(crate) use self::header::*;
pub(crate) use self::hook::*;
pub(crate) use self::pasted::*;
pub(crate) use self::sandbox::*;
pub(crate) use self::usage::*;
pub(crate) use self::values::*;
pub(crate) use self::verify::*;
