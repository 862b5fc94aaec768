//! Durations: in their range, with a unit, and what a wrong one may have been meant to be.

use std::time::Duration;

use super::sources::Sources;
use crate::text::problems;

impl Sources<'_> {
    /// A duration in its range; `None` where it is unset, `auto` or wrong.
    pub(super) fn duration(&mut self, name: &str, range: (&str, &str), auto: bool) -> Option<Duration> {
        let found = self.find(name, &[])?;
        let text = found.value.trim();
        if auto && text.eq_ignore_ascii_case("auto") {
            return None;
        }
        let bound = |text: &str| humantime::parse_duration(text).unwrap_or_default();
        let is_allowed = |duration: &Duration| (bound(range.0)..=bound(range.1)).contains(duration);
        let wrong = match humantime::parse_duration(text) {
            Ok(duration) if is_allowed(&duration) => return Some(duration),
            Ok(_) => problems::OUT_OF_RANGE,
            Err(_) if text.parse::<u64>().is_ok() => problems::NO_UNIT,
            Err(_) => problems::NOT_A_DURATION,
        };
        let meant = meant(name, text).into_iter().filter(|text| is_allowed(&bound(text)));
        let meant = meant.collect::<Vec<_>>().join(" or ");
        let meant = Some(meant.as_str()).filter(|meant| !meant.is_empty());
        self.problem(&found, (wrong, problems::durations(meant, range, auto)));
        None
    }
}

/// What may have been meant by a text that is no duration as it is: `15`, `1:30`, `1.5h`, `15M`, `PT15M`.
fn meant(name: &str, text: &str) -> Vec<String> {
    let text = text.to_ascii_lowercase().replace(',', ".");
    if text.parse::<u64>().is_ok() {
        // A deployment takes minutes, a pause seconds.
        let units = if name == "timeout" { &["m", "s"] as &[&str] } else { &["s"] };
        return units.iter().map(|unit| format!("{text}{unit}")).collect();
    }
    if let Some((whole, part)) = text.split_once(':') {
        let numbers: Option<Vec<u64>> =
            [whole].into_iter().chain(part.split(':')).map(|number| number.parse().ok()).collect();
        return match numbers.as_deref() {
            Some([first, second]) => vec![format!("{first}m {second}s"), format!("{first}h {second}m")],
            Some([hours, minutes, seconds]) => vec![format!("{hours}h {minutes}m {seconds}s")],
            _ => Vec::new(),
        };
    }
    // ISO 8601, as in PT1H30M; capitals, of which M is a month; spaces.
    let plain: String = text.trim_start_matches("pt").chars().filter(|c| !c.is_whitespace()).collect();
    let fraction = || {
        let unit = plain.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number: f64 = plain.strip_suffix(unit)?.parse().ok()?;
        let unit = humantime::parse_duration(&format!("1{unit}")).ok()?;
        Duration::try_from_secs_f64(unit.as_secs_f64() * number).ok().map(|exact| exact.as_secs())
    };
    let exact = humantime::parse_duration(&plain).ok().map(|exact| exact.as_secs()).or_else(fraction);
    exact
        .map(|seconds| humantime::format_duration(Duration::from_secs(seconds)).to_string())
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_that_is_none_has_a_likely_meaning() {
        for (text, wanted) in [
            ("15", &["15m", "15s"] as &[&str]),
            ("1:30", &["1m 30s", "1h 30m"]),
            ("1:30:00", &["1h 30m 0s"]),
            ("1.5h", &["1h 30m"]),
            ("1,5h", &["1h 30m"]),
            ("15M", &["15m"]),
            ("PT1H30M", &["1h 30m"]),
            ("90S", &["1m 30s"]),
            ("soon", &[]),
            ("1:x", &[]),
            ("", &[]),
        ] {
            assert_eq!(meant("timeout", text), wanted, "{text}");
        }
    }
}
