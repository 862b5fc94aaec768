//! Times as APIs write them: numbers since the epoch, RFC 3339, dates of HTTP and mail.

use std::time::{Duration, SystemTime};

use serde_json::Value;

/// 2000-01-01 and 2100-01-01. No platform is older, and no deployment was made after: a time outside was read in the
/// wrong unit, or is none.
const PLAUSIBLE: std::ops::Range<u64> = 946_684_800..4_102_444_800;

/// The instant that an answer names, or `None` where it cannot be known.
pub(crate) fn read(value: &Value) -> Option<SystemTime> {
    let time = match value {
        Value::Number(number) => since_epoch(number.as_f64()?),
        Value::String(text) => of_text(text),
        _ => None,
    }?;
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    PLAUSIBLE.contains(&seconds).then_some(time)
}

/// `17:18:10`, in UTC.
pub(crate) fn of_day(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string().get(11..19).unwrap_or_default().to_owned()
}

/// The instant that a text names.
pub(crate) fn of_text(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return since_epoch(text.parse().ok()?);
    }
    rfc3339(text).or_else(|| date_of_http_or_mail(text))
}

/// The dates of HTTP, and those of mail, which differ in the zone.
fn date_of_http_or_mail(text: &str) -> Option<SystemTime> {
    let zoned = text
        .rsplit_once(' ')
        .and_then(|(clock, zone)| shift(httpdate::parse_http_date(&format!("{clock} GMT")).ok()?, zone));
    zoned.or_else(|| httpdate::parse_http_date(text).ok())
}

/// Seconds, milliseconds, microseconds or nanoseconds: the sizes of present times are a thousand apart.
fn since_epoch(number: f64) -> Option<SystemTime> {
    let in_a_second = match number {
        ..1e11 => 1.0,
        ..1e14 => 1e3,
        ..1e17 => 1e6,
        _ => 1e9,
    };
    SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(number / in_a_second).ok()?)
}

/// RFC 3339 in every case and with any offset, and what ISO 8601 allows besides: a space for the `T`, a comma before the
/// fraction, `+0200`, `+02`. Without an offset it is UTC.
fn rfc3339(text: &str) -> Option<SystemTime> {
    let text = text.to_ascii_uppercase().replace(',', ".");
    let (date, time) = text.split_once(['T', ' '])?;
    let time = time.trim_start();
    let zone = time.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone);
    let local = humantime::parse_rfc3339_weak(&format!("{date}T{clock}")).ok()?;
    shift(local, zone.trim())
}

/// The instant at which a clock of this zone shows this time.
fn shift(local: SystemTime, zone: &str) -> Option<SystemTime> {
    let (east, offset) = offset(zone)?;
    if east { local.checked_sub(offset) } else { local.checked_add(offset) }
}

/// Whether it lies east of Greenwich, and how far.
fn offset(zone: &str) -> Option<(bool, Duration)> {
    if matches!(zone, "" | "Z" | "UTC" | "GMT") {
        return Some((true, Duration::ZERO));
    }
    let east = zone.starts_with('+');
    let digits = zone.strip_prefix(['+', '-'])?.replace(':', "");
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (u64, u64) = (
        digits.get(..2)?.parse().ok()?,
        digits.get(2..).filter(|text| !text.is_empty()).unwrap_or("0").parse().ok()?,
    );
    (hours < 24 && minutes < 60).then(|| (east, Duration::from_secs(hours * 3600 + minutes * 60)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(value: &Value) -> Option<String> {
        read(value).map(|time| humantime::format_rfc3339_seconds(time).to_string())
    }

    #[test]
    fn one_instant_is_read_alike_in_every_form() {
        for form in [
            json!(1_676_567_890_000_u64),
            json!(1_676_567_890),
            json!(1_676_567_890.25),
            json!(1_676_567_890_000.5),
            json!(1.676_567_89e9),
            json!(1_676_567_890_000_000_u64),
            json!(1_676_567_890_000_000_000_u64),
            json!("1676567890000"),
            json!(" 1676567890 "),
            json!("1676567890.123"),
            json!("2023-02-16T17:18:10Z"),
            json!("2023-02-16t17:18:10z"),
            json!("2023-02-16 17:18:10"),
            json!("2023-02-16 17:18:10.5 UTC"),
            json!("2023-02-16T17:18:10"),
            json!("2023-02-16T17:18:10.123456Z"),
            json!("2023-02-16T17:18:10,123Z"),
            json!("2023-02-16T19:18:10+02:00"),
            json!("2023-02-16T19:18:10.999+0200"),
            json!("2023-02-16 19:18:10 +0200"),
            json!("2023-02-16T19:18:10+02"),
            json!("2023-02-17T02:48:10+09:30"),
            json!("2023-02-16T12:18:10-05:00"),
            json!("2023-02-16T17:18:10-00:00"),
            json!("Thu, 16 Feb 2023 17:18:10 GMT"),
            json!("Thu, 16 Feb 2023 18:18:10 +0100"),
            json!("Thu Feb 16 17:18:10 2023"),
        ] {
            assert_eq!(shown(&form).as_deref(), Some("2023-02-16T17:18:10Z"), "{form}");
        }
    }

    #[test]
    fn what_names_no_instant_that_can_be_is_none() {
        for absurd in [
            json!(null),
            json!(true),
            json!([1]),
            json!({ "date": 1_676_567_890 }),
            json!(0),
            json!(1),
            json!(-5),
            json!(-1.5),
            json!(1_676_567), // thousands of seconds
            json!(1e300),
            json!(u64::MAX),
            json!(253_402_300_800_000_u64),
            json!(20_230_216),
            json!("20230216171810"), // a date without its dashes, no number
            json!(""),
            json!("soon"),
            json!("NaN"),
            json!("inf"),
            json!("-1676567890"),
            json!("1970-01-01T00:00:01Z"),
            json!("0001-01-01T00:00:00Z"),
            json!("9999-12-31T23:59:59Z"),
            json!("2023-02-16"),
            json!("2023-13-16T17:18:10Z"),
            json!("2023-02-30T17:18:10Z"),
            json!("2023-02-16T25:18:10Z"),
            json!("2023-02-16T17:18:10+25:00"),
            json!("2023-02-16T17:18:10+2:00"),
            json!("2023-02-16T17:18:10 CEST"),
            json!("2023-02-16T17:18:10Zzz"),
        ] {
            assert_eq!(shown(&absurd), None, "{absurd}");
        }
    }
}
