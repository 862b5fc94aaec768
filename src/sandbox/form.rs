//! The form of an id, such as `dp-[0-9a-z]{6}`: literal characters and sets of characters with how many of them.

/// An id of this form, made by chance. Nothing here guards anything: the sandbox is reachable on loopback alone.
pub(super) fn generate(form: &str) -> String {
    let pick = |set: &Vec<u8>| char::from(set[fastrand::usize(..set.len())]);
    pieces(form).iter().map(pick).collect()
}

/// Whether a text has this form.
pub(super) fn matches(form: &str, text: &str) -> bool {
    let pieces = pieces(form);
    pieces.len() == text.len() && pieces.iter().zip(text.bytes()).all(|(set, byte)| set.contains(&byte))
}

/// The characters that are allowed at each position.
fn pieces(form: &str) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut rest = form;
    while let Some(&first) = rest.as_bytes().first() {
        let set = rest.strip_prefix('[').and_then(|rest| rest.split_once("]{"));
        let counted = set.and_then(|(set, rest)| Some((set, rest.split_once('}')?)));
        if let Some((set, (count, after))) = counted {
            let set = characters(set.as_bytes());
            pieces.extend(std::iter::repeat_n(set, count.parse().unwrap_or_default()));
            rest = after;
        } else {
            pieces.push(vec![first]);
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    pieces
}

/// The characters of a set such as `0-9a-f`.
fn characters(set: &[u8]) -> Vec<u8> {
    match set {
        [first, b'-', last, rest @ ..] => (*first..=*last).chain(characters(rest)).collect(),
        [one, rest @ ..] => std::iter::once(*one).chain(characters(rest)).collect(),
        [] => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_generated_has_the_form_and_nothing_else_does() {
        for form in ["dp-[0-9a-z]{6}", "[0-9a-f]{8}-[0-9a-f]{4}", "srv", "[A-Z_]{3}x"] {
            let id = generate(form);
            assert!(matches(form, &id), "{form}: {id}");
            assert!(!matches(form, &format!("{id}0")) && !matches(form, ""), "{form}");
        }
        for wrong in ["dp_abc123", "dp-ABC123", "dp-abc12", "dp-abc12é"] {
            assert!(!matches("dp-[0-9a-z]{6}", wrong), "{wrong}");
        }
    }
}
