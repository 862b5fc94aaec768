//! Problems with inputs: what is wrong with each, and what to give instead.

mod header;
mod hook;
mod pasted;
mod sandbox;
mod usage;
mod values;
mod verify;

pub use self::header::*;
pub use self::hook::*;
pub use self::pasted::*;
pub use self::sandbox::*;
pub use self::usage::*;
pub use self::values::*;
pub use self::verify::*;
