//! Dates and times: civil arithmetic over DuckDB's whole range, PostgreSQL's ISO texts, and the
//! shift of epochs for the binary forms.

use bytes::{BufMut, BytesMut};
use jiff::tz::TimeZone;
use model::{Error, ErrorKind, Result};

/// Days from 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// DuckDB's special values: the largest positive and its negation.
const DATE_INFINITY: i32 = i32::MAX;
const TIMESTAMP_INFINITY: i64 = i64::MAX;

/// Year (astronomical: 0 is 1 BC), month, day of a day counted from 1970-01-01.
pub(crate) fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = (if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    }) as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The day counted from 1970-01-01; `None` if there is no such day.
pub(crate) fn days_from_civil(year: i64, month: u32, day: u32) -> Option<i64> {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let shifted_month = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Writes `number` with at least `width` digits.
fn put_padded(number: u64, width: usize, out: &mut BytesMut) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(number).as_bytes();
    out.put_bytes(b'0', width.saturating_sub(text.len()));
    out.put_slice(text);
}

fn put_civil(days: i64, out: &mut BytesMut) -> bool {
    let (year, month, day) = civil_from_days(days);
    let before_christ = year <= 0;
    let shown = if before_christ { 1 - year } else { year };
    put_padded(shown.unsigned_abs(), 4, out);
    out.put_u8(b'-');
    put_padded(u64::from(month), 2, out);
    out.put_u8(b'-');
    put_padded(u64::from(day), 2, out);
    before_christ
}

fn put_infinity(positive: bool, out: &mut BytesMut) {
    out.put_slice(if positive { b"infinity" } else { b"-infinity" });
}

/// Writes a DATE, in days from 1970-01-01.
pub(crate) fn put_date(days: i32, out: &mut BytesMut) {
    if days == DATE_INFINITY || days == -DATE_INFINITY {
        return put_infinity(days > 0, out);
    }
    if put_civil(i64::from(days), out) {
        out.put_slice(b" BC");
    }
}

/// Writes microseconds of a day; up to 24:00:00.
pub(crate) fn put_time(micros: i64, out: &mut BytesMut) {
    let seconds = micros / 1_000_000;
    put_padded((seconds / 3600).unsigned_abs(), 2, out);
    out.put_u8(b':');
    put_padded((seconds / 60 % 60).unsigned_abs(), 2, out);
    out.put_u8(b':');
    put_padded((seconds % 60).unsigned_abs(), 2, out);
    put_fraction((micros % 1_000_000).unsigned_abs(), out);
}

/// Writes `.ffffff` without trailing zeros, or nothing for 0.
pub(crate) fn put_fraction(micros: u64, out: &mut BytesMut) {
    if micros == 0 {
        return;
    }
    out.put_u8(b'.');
    put_padded(micros, 6, out);
    let zeros = out.iter().rev().take_while(|b| **b == b'0').count();
    out.truncate(out.len() - zeros);
}

/// Writes a zone's offset, in seconds east of UTC: `+00`, `-03:30`, `+00:19:32`.
pub(crate) fn put_offset(seconds: i32, out: &mut BytesMut) {
    out.put_u8(if seconds < 0 { b'-' } else { b'+' });
    let seconds = u64::from(seconds.unsigned_abs());
    put_padded(seconds / 3600, 2, out);
    if seconds % 3600 != 0 {
        out.put_u8(b':');
        put_padded(seconds / 60 % 60, 2, out);
    }
    if seconds % 60 != 0 {
        out.put_u8(b':');
        put_padded(seconds % 60, 2, out);
    }
}

/// Writes a TIMESTAMP, in microseconds from 1970-01-01; with `zone` a TIMESTAMPTZ there.
pub(crate) fn put_timestamp(micros: i64, zone: Option<&TimeZone>, out: &mut BytesMut) {
    if is_infinite(micros) {
        return put_infinity(micros > 0, out);
    }
    let offset = zone.map(|zone| offset_at(zone, micros));
    let local = i128::from(micros) + i128::from(offset.unwrap_or(0)) * 1_000_000;
    let days = local.div_euclid(i128::from(MICROS_PER_DAY)) as i64;
    let before_christ = put_civil(days, out);
    out.put_u8(b' ');
    put_time(local.rem_euclid(i128::from(MICROS_PER_DAY)) as i64, out);
    if let Some(offset) = offset {
        put_offset(offset, out);
    }
    if before_christ {
        out.put_slice(b" BC");
    }
}

/// Whether a TIMESTAMP is one of the two infinities.
pub(crate) fn is_infinite(micros: i64) -> bool {
    micros == TIMESTAMP_INFINITY || micros == -TIMESTAMP_INFINITY
}

/// The zone's offset from UTC at an instant, in seconds. Beyond jiff's years (±9999) the offset
/// of its first or last instant holds.
fn offset_at(zone: &TimeZone, micros: i64) -> i32 {
    let clamped = micros.clamp(
        jiff::Timestamp::MIN.as_microsecond(),
        jiff::Timestamp::MAX.as_microsecond(),
    );
    jiff::Timestamp::from_microsecond(clamped).map_or(0, |t| zone.to_offset(t).seconds())
}

/// The instant of a local time in a zone, both in microseconds. Around a transition as PostgreSQL
/// has it: a time that does not exist takes the offset from before, one that exists twice the
/// offset from after.
pub(crate) fn local_to_utc(zone: &TimeZone, local: i64) -> Option<i64> {
    let instant = |offset: i32| local.checked_sub(i64::from(offset) * 1_000_000);
    let before = offset_at(zone, local.saturating_sub(MICROS_PER_DAY));
    let after = offset_at(zone, local.saturating_add(MICROS_PER_DAY));
    let late = instant(after)?;
    if offset_at(zone, late) == after {
        Some(late)
    } else {
        instant(before)
    }
}

/// The DATE on PostgreSQL's epoch, for its binary form.
pub(crate) fn date_to_pg(days: i32) -> Result<i32> {
    match days {
        DATE_INFINITY => Ok(i32::MAX),
        d if d == -DATE_INFINITY => Ok(i32::MIN),
        d => d.checked_sub(EPOCH_DAYS).ok_or_else(out_of_range),
    }
}

/// The TIMESTAMP on PostgreSQL's epoch, for its binary form.
pub(crate) fn timestamp_to_pg(micros: i64) -> Result<i64> {
    match micros {
        TIMESTAMP_INFINITY => Ok(i64::MAX),
        t if t == -TIMESTAMP_INFINITY => Ok(i64::MIN),
        t => t.checked_sub(EPOCH_MICROS).ok_or_else(out_of_range),
    }
}

/// The inverse of [`date_to_pg`].
pub(crate) fn date_from_pg(days: i32) -> Result<i32> {
    match days {
        i32::MAX => Ok(DATE_INFINITY),
        i32::MIN => Ok(-DATE_INFINITY),
        d => d.checked_add(EPOCH_DAYS).ok_or_else(out_of_range),
    }
}

/// The inverse of [`timestamp_to_pg`].
pub(crate) fn timestamp_from_pg(micros: i64) -> Result<i64> {
    match micros {
        i64::MAX => Ok(TIMESTAMP_INFINITY),
        i64::MIN => Ok(-TIMESTAMP_INFINITY),
        t => t.checked_add(EPOCH_MICROS).ok_or_else(out_of_range),
    }
}

/// The date of a timestamp, both from 1970-01-01.
pub(crate) fn date_of(micros: i64) -> Result<i32> {
    if is_infinite(micros) {
        return Ok(if micros > 0 {
            DATE_INFINITY
        } else {
            -DATE_INFINITY
        });
    }
    i32::try_from(micros.div_euclid(MICROS_PER_DAY)).map_err(|_| out_of_range())
}

/// Microseconds from 1970-01-01 of a day and a time of it.
pub(crate) fn timestamp(days: i64, time: i64) -> Result<i64> {
    days.checked_mul(MICROS_PER_DAY)
        .and_then(|t| t.checked_add(time))
        .filter(|t| !is_infinite(*t))
        .ok_or_else(out_of_range)
}

/// A date or time beyond the range of its type.
pub(crate) fn out_of_range() -> Error {
    Error::new(ErrorKind::DatetimeOverflow, "date or time out of range")
}

/// Splits DuckDB's packed TIMETZ into microseconds and the offset in seconds east of UTC.
pub(crate) fn unpack_timetz(packed: u64) -> (i64, i32) {
    const MAX_OFFSET: i32 = 16 * 3600 - 1;
    (
        (packed >> 24) as i64,
        MAX_OFFSET - (packed & 0xff_ffff) as i32,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;

    fn text(write: impl FnOnce(&mut BytesMut)) -> String {
        let mut out = BytesMut::new();
        write(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn civil_days_there_and_back() {
        for days in (-2_000_000..3_000_000)
            .step_by(997)
            .chain([-719_528, -719_162, 0, 59, 60])
        {
            let (y, m, d) = civil_from_days(days);
            assert_eq!(days_from_civil(y, m, d), Some(days));
        }
        assert_eq!(days_from_civil(2023, 2, 29), None);
        assert_eq!(days_from_civil(2024, 2, 29), Some(19_782));
        assert_eq!(days_from_civil(2024, 13, 1), None);
    }

    #[test]
    fn dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (10_957, "2000-01-01"),
            (-719_528, "0001-01-01 BC"),
            (-719_162, "0001-01-01"),
            (2_932_897, "10000-01-01"),
            (i32::MAX, "infinity"),
            (-i32::MAX, "-infinity"),
            (i32::MAX - 1, "5881580-07-10"),
        ] {
            assert_eq!(text(|out| put_date(days, out)), expected);
        }
        assert_eq!(date_to_pg(10_957).unwrap(), 0);
        assert_eq!(date_to_pg(-i32::MAX).unwrap(), i32::MIN);
        assert_eq!(date_from_pg(i32::MIN).unwrap(), -i32::MAX);
        assert!(date_to_pg(i32::MIN + 2).is_err());
        assert!(date_from_pg(i32::MAX - 1).is_err());
    }

    #[test]
    fn timestamps() {
        for (micros, expected) in [
            (0, "1970-01-01 00:00:00"),
            (-1, "1969-12-31 23:59:59.999999"),
            (1_500_000, "1970-01-01 00:00:01.5"),
            (-62_135_596_800_000_001, "0001-12-31 23:59:59.999999 BC"),
            (i64::MAX, "infinity"),
            (-i64::MAX, "-infinity"),
            (i64::MAX - 1, "294247-01-10 04:00:54.775806"),
        ] {
            assert_eq!(text(|out| put_timestamp(micros, None, out)), expected);
        }
        assert_eq!(timestamp_to_pg(EPOCH_MICROS).unwrap(), 0);
        assert!(timestamp_to_pg(i64::MIN + 2).is_err());
    }

    #[test]
    fn timestamps_in_zones() {
        for (zone, micros, expected) in [
            ("UTC", 0, "1970-01-01 00:00:00+00"),
            (
                "America/New_York",
                1_700_000_000_000_000,
                "2023-11-14 17:13:20-05",
            ),
            (
                "America/New_York",
                1_690_000_000_000_000,
                "2023-07-22 00:26:40-04",
            ),
            (
                "Asia/Kolkata",
                1_700_000_000_000_000,
                "2023-11-15 03:43:20+05:30",
            ),
            (
                "America/New_York",
                -3_000_000_000_000_000,
                "1874-12-07 13:43:58-04:56:02",
            ),
            ("UTC", i64::MAX, "infinity"),
            (
                "UTC",
                -62_135_596_800_000_001,
                "0001-12-31 23:59:59.999999+00 BC",
            ),
        ] {
            let zone = TimeZone::get(zone).unwrap();
            let got = text(|out| put_timestamp(micros, Some(&zone), out));
            assert_eq!(got, expected);
        }
    }

    /// Around the transitions of 2023 in New York, as PostgreSQL 15 reads them.
    #[test]
    fn local_times_as_instants() {
        let zone = TimeZone::get("America/New_York").unwrap();
        for (date, hour, minute, utc) in [
            ((2023, 1, 1), 12, 0, "2023-01-01 17:00:00"),
            ((2023, 7, 1), 12, 0, "2023-07-01 16:00:00"),
            ((2023, 3, 12), 1, 59, "2023-03-12 06:59:00"),
            ((2023, 3, 12), 2, 30, "2023-03-12 07:30:00"),
            ((2023, 3, 12), 3, 0, "2023-03-12 07:00:00"),
            ((2023, 11, 5), 0, 59, "2023-11-05 04:59:00"),
            ((2023, 11, 5), 1, 30, "2023-11-05 06:30:00"),
            ((2023, 11, 5), 2, 0, "2023-11-05 07:00:00"),
        ] {
            let days = days_from_civil(date.0, date.1, date.2).unwrap();
            let local = timestamp(days, (hour * 60 + minute) * 60_000_000).unwrap();
            let instant = local_to_utc(&zone, local).unwrap();
            assert_eq!(text(|out| put_timestamp(instant, None, out)), utc);
        }
    }

    #[test]
    fn times() {
        for (micros, expected) in [
            (0, "00:00:00"),
            (86_400_000_000, "24:00:00"),
            (45_296_789_000, "12:34:56.789"),
            (86_399_999_999, "23:59:59.999999"),
        ] {
            assert_eq!(text(|out| put_time(micros, out)), expected);
        }
        let packed = u64::from_le_bytes([0xef, 0xd2, 0, 0, 0xb0, 0xeb, 0x0e, 0x0a]);
        assert_eq!(unpack_timetz(packed), (43_200_000_000, 3600));
    }
}
