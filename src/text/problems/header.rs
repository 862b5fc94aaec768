//! Problems with the headers that are sent with a trigger.

/// What is wrong with a line that should be a header. The texts are the header's name, as far as it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault<'a> {
    NoColon,
    Url,
    /// Something that is no name; empty where it may be a secret.
    NotAName(&'a str),
    /// A header that HTTP sets itself.
    OfHttp(&'a str),
    Twice(&'a str),
    /// A value with `***`.
    Masked(&'a str),
    /// A value with a character that no header has.
    Characters(&'a str),
}

const FORM: &str = "Write each header on a line of its own, as Name: value.";

/// The problem with a header, and how to fix it.
pub(crate) fn header(fault: HeaderFault<'_>) -> (String, &'static str) {
    match fault {
        HeaderFault::NoColon => ("has no colon".to_owned(), FORM),
        HeaderFault::Url => ("is a URL, not a header".to_owned(), FORM),
        HeaderFault::NotAName("") => ("does not begin with a valid header name".to_owned(), FORM),
        HeaderFault::NotAName(name) => (format!("does not begin with a valid header name ({name})"), FORM),
        HeaderFault::OfHttp(name) => {
            (format!("sets {name}, which is set automatically"), "Leave this header out.")
        }
        HeaderFault::Twice(name) => (format!("sets {name} a second time"), "Give each header once."),
        HeaderFault::Masked(name) => (
            format!("gives {name} a value with ***, copied from a log in which it was masked"),
            "Store the value again.",
        ),
        HeaderFault::Characters(name) => (
            format!("gives {name} a value with a character that no header has, perhaps an invisible one"),
            "Store the value again: printable ASCII characters alone.",
        ),
    }
}

/// The problem with headers on the command line: of this input, with this variable.
pub(crate) fn headers_on_command_line(input: &str, variable: &str) -> (&'static str, String) {
    (
        "were given on the command line, where every process on this machine can read them",
        format!(
            "Give them as {variable} or by --{input}-file PATH (- is standard input), and replace the secrets in them."
        ),
    )
}
