//! Values that cannot be printed, and the redaction of everything that comes from outside.
//!
//! The hook URL is a password: everybody who has it can deploy. So it is a type without `Display`, whose `Debug` shows
//! nothing, and every text from a server or the system goes through [`Redactor::clean`] before it is shown.

mod escapes;
mod forms;
mod header;
mod hook_url;
mod parts;
mod pasted;
mod redactor;
mod sanitize;
mod token;
mod url_safety;

pub use self::header::secrets_of_header;
pub use self::hook_url::{DocumentedHook, HookUrl};
pub use self::parts::{could_be_secret, secrets_of_query};
pub use self::pasted::{PasteFault, TokenFault, UrlFault};
pub use self::redactor::Redactor;
pub use self::sanitize::{strip, unwrap_pasted};
pub use self::token::Token;
pub use self::url_safety::{has_user, is_loopback, is_safe, is_sendable, is_too_long, is_web};
