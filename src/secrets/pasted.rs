//! What was pasted where a deploy hook's URL or a token belongs, when it is something else.

use super::parts::is_in;
use super::sanitize::{STARS, unwrap_pasted};

/// Why a text is not a deploy hook's URL. None of these carries the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlFault {
    /// Something that is neither a URL nor a token.
    Paste(PasteFault),
    /// No scheme in front of the host.
    NoScheme,
    /// One word: a token, or the hook's secret part alone.
    Word,
    /// No URL at all.
    NotUrl,
    /// No valid host or port behind the scheme.
    BadHost,
    /// Longer than a request's should be.
    TooLong,
    /// `http`, where `https` is needed.
    Http,
    /// Another scheme.
    NotHttps,
    /// A user name or password in front of the host.
    Credentials,
    /// A `#` part, which is never sent.
    Fragment,
    /// No path behind the host.
    NoPath,
    /// The path ends where its secret part should begin.
    NoSecret,
    /// The same of a hook of no known platform, whose secret may be in its headers.
    EndsInWord,
    /// It is another kind of hook, which deploys nothing by itself: what it is, and which one to take.
    OtherKind(&'static str, &'static str),
}

/// Why a pasted text is not the secret alone. None of these carries the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasteFault {
    /// It holds `***`: copied from a log in which it was masked.
    Masked,
    /// A variable, an expression or a reference that was not replaced by its value.
    Unexpanded,
    /// An example's placeholder.
    Placeholder,
    /// A name and `=` or `:` in front of it.
    Named,
    /// The command line of a program such as curl.
    Command,
    /// A Markdown link.
    Markdown,
    /// In `<` and `>`.
    Brackets,
    /// More than one URL.
    Several,
    /// A quote at one end only, or inside.
    Quoted,
    /// White space inside.
    Spaced,
    /// A line break inside.
    LineBreak,
    /// Another control character inside.
    Control,
    /// A character outside ASCII, often an invisible one.
    NotAscii,
}

/// Why a text is not a token. None of these carries the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// It is not the token alone.
    Paste(PasteFault),
    /// A URL.
    Url,
    /// A header's name or an authorization scheme in front of it.
    Scheme,
}

impl TokenFault {
    /// What is wrong with a pasted token; `None` where nothing is.
    pub fn of(pasted: &str) -> Option<Self> {
        let text = unwrap_pasted(pasted);
        let lower = text.to_ascii_lowercase();
        let scheme = ["bearer ", "token ", "authorization:", "x-api-key:"];
        if scheme.iter().any(|scheme| lower.starts_with(scheme)) {
            return Some(Self::Scheme);
        }
        let fault = PasteFault::of(text);
        if fault.is_none() && (text.contains("://") || has_host(text) && text.matches('/').count() > 1) {
            return Some(Self::Url);
        }
        fault.map(Self::Paste)
    }
}

impl UrlFault {
    /// What a text is that cannot be read as a URL with a host.
    pub(super) fn of_no_url(text: &str) -> Self {
        let is_word = !text.is_empty() && !text.contains(['/', '\\', ':']);
        let begins_with =
            |start: &str| text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
        if ["https://", "http://"].into_iter().any(begins_with) {
            Self::BadHost
        } else if has_host(text) || text.starts_with("//") || text.starts_with("http") && text.contains("//")
        {
            Self::NoScheme
        } else if is_word {
            Self::Word
        } else {
            Self::NotUrl
        }
    }
}

/// Whether a text begins with a host and a path, without a scheme: `api.example.com/deploy`, `localhost:8080/deploy`.
pub(super) fn has_host(text: &str) -> bool {
    let Some((host, _)) = text.split_once('/') else { return false };
    let (name, port) = host.split_once(':').unwrap_or((host, "443"));
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let has_dot = name.trim_matches('.').len() == name.len() && name.contains('.');
    (has_dot || name == "localhost") && name.chars().all(is_name) && port.parse::<u16>().is_ok()
}

impl PasteFault {
    /// What is wrong with a pasted secret, white space and quotes around it taken off; `None` where nothing is.
    pub(super) fn of(text: &str) -> Option<Self> {
        let is_web = |text: &str| text.starts_with("https://") || text.starts_with("http://");
        // Most URLs: one of these characters alone can only be an example's. The checks below take several times as long.
        let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"/:._~-?&=+".contains(&byte);
        if is_web(text) && text.bytes().all(is_usual) {
            return (text.contains("...") || has_placeholder(text)).then_some(Self::Placeholder);
        }
        let parts = || text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'));
        let urls = parts().filter(|part| is_web(part.trim_start_matches(['"', '\'', '<']))).count();
        let checks = [
            (text.contains(STARS), Self::Masked),
            (text.starts_with('[') && text.contains("]("), Self::Markdown),
            (is_command(text), Self::Command),
            (urls > 1, Self::Several),
            (is_named(text), Self::Named),
            (text.strip_prefix('<').is_some_and(is_web), Self::Brackets),
            (is_unexpanded(text), Self::Unexpanded),
            (is_placeholder(text), Self::Placeholder),
            (text.contains(['\n', '\r']), Self::LineBreak),
            (text.contains(char::is_control), Self::Control),
            (text.contains(['"', '\'', '`']), Self::Quoted),
            (text.contains(char::is_whitespace), Self::Spaced),
            (!text.is_ascii(), Self::NotAscii),
        ];
        checks.into_iter().find_map(|(is_so, fault)| is_so.then_some(fault))
    }
}

/// Whether this is a command line that sends a request.
fn is_command(text: &str) -> bool {
    const PROGRAMS: &str =
        "curl curl.exe wget http https xh iwr irm invoke-restmethod invoke-webrequest post get";
    let mut words = text.trim_start_matches(['$', '>', ' ']).split_whitespace();
    let program = words.next().unwrap_or_default().to_ascii_lowercase();
    is_in(PROGRAMS, &program) && words.next().is_some()
}

/// Whether a name stands in front of a URL: `NAME=https://…`, `export NAME=…`, `name: https://…`, `{"url": "https://…`.
fn is_named(text: &str) -> bool {
    let Some((name, rest)) = text.split_once(['=', ':']) else { return false };
    let rest = rest.trim_start_matches(['=', ' ', '"', '\'', '<', '\t']);
    let is_name = |c: char| c.is_ascii_alphanumeric() || " _-.\"'{$:".contains(c);
    let is_web = ["https://", "http://"].iter().any(|scheme| rest.starts_with(scheme));
    is_web && !name.is_empty() && name.len() <= 60 && name.chars().all(is_name)
}

/// Whether a variable, an expression or a reference to a store of secrets was not replaced by its value.
fn is_unexpanded(text: &str) -> bool {
    const BEFORE: [&str; 9] =
        ["secrets.", "vars.", "env.", "inputs.", "process.env.", "op://", "vault://", "ssm://", "arn:aws:"];
    let is_name = |text: &str| {
        let begins = text.starts_with(|c: char| c.is_ascii_uppercase());
        begins
            && text.contains('_')
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    // A variable's own name. Of a placeholder's words none is one.
    let is_bare = is_name(text)
        && !has_placeholder(text)
        && ["HOOK", "URL", "TOKEN", "KEY"].iter().any(|end| text.ends_with(end));
    let braces = ["${", "$(", "$[", "{{", "#{", "<%", "`cat "].iter().any(|open| text.contains(open));
    let of_shell = || {
        let mut variables = text.split(['/', '=', '&', '?']).filter_map(|part| part.strip_prefix('$'));
        variables.any(|name| name.len() > 1 && is_identifier(name))
    };
    braces
        || is_bare
        || BEFORE.iter().any(|before| text.starts_with(before)) && !text.contains(' ')
        || text.starts_with("$env:")
        || of_shell()
        || has_percent_variable(text)
}

fn is_identifier(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.starts_with(|c: char| c.is_ascii_digit()) && !text.is_empty() && text.chars().all(word)
}

/// `%NAME%`, in which one of the two is no escape of a URL.
fn has_percent_variable(text: &str) -> bool {
    let parts: Vec<&str> = text.split('%').collect();
    let escapes = |after: &str| after.len() > 1 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    parts
        .array_windows()
        .any(|[_, name, after]| name.len() > 1 && is_identifier(name) && !(escapes(name) && escapes(after)))
}

/// Whether an example's placeholder stands where the secret or a part of it belongs.
fn is_placeholder(text: &str) -> bool {
    let inner = text.trim_start_matches(|c| c != '<');
    let angled = inner.starts_with('<') && inner.contains('>');
    let braced = text.contains('{') && text.contains('}');
    angled || braced || text.contains('…') || text.contains("...") || has_placeholder(text)
}

/// Whether a segment of a path, a value of a query or a word is a placeholder, such as `YOUR_TOKEN`, `xxxx`, `:id`.
fn has_placeholder(text: &str) -> bool {
    const WORDS: &str = "changeme replaceme replacethis placeholder todo fixme tbd inserthere pastehere mytoken \
        mysecret mykey myhook yoururl";
    const SECRETS: &str = "TOKEN SECRET KEY ID UUID HERE";
    const OTHERS: &str = "HOOK API DEPLOY SERVICE SITE PROJECT APP ENVIRONMENT ENV SERVER ACCOUNT ACCESS AUTH NAME \
        WEBHOOK BUILD";
    let is_one = |part: &str| {
        let mut plain = part.to_ascii_lowercase();
        plain.retain(|c| c.is_ascii_alphanumeric());
        let pieces = || part.split(|c: char| !c.is_ascii_alphanumeric()).filter(|piece| !piece.is_empty());
        let repeated = |piece: &str| piece.len() > 2 && piece.bytes().all(|byte| matches!(byte, b'x' | b'X'));
        let of_yours = part.len() > 5
            && (plain.starts_with("your") && pieces().nth(1).is_some() || part.starts_with("YOUR"));
        let capitals = !part.bytes().any(|byte| byte.is_ascii_lowercase())
            && pieces().any(|piece| is_in(SECRETS, piece))
            && pieces().all(|piece| is_in(SECRETS, piece) || is_in(OTHERS, piece));
        let parameter = part.strip_prefix(':').is_some_and(is_identifier);
        is_in(WORDS, &plain)
            || of_yours
            || pieces().any(repeated)
            || capitals
            || parameter
            || part.starts_with("__") && part.ends_with("__") && part.len() > 4
    };
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let separates = |c: char| matches!(c, '/' | '=' | '&' | '?');
    after_scheme.split(separates).any(is_one)
}
