//! Dates in UTC, for the fields that hold one and for the modifiers that look at a part of it.
use std::fmt;

const SECONDS_A_DAY: i64 = 86_400;
const NANOSECONDS_A_DAY: u64 = 86_400_000_000_000;

/// What a time modifier looks at (Sigma 2.1, appendix modifiers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimePart {
    Minute,
    Hour,
    Day,
    /// Of ISO 8601: the week of the year's first Thursday is the first.
    Week,
    Month,
    Year,
}

impl TimePart {
    const ALL: [(&'static str, Self, i64, i64); 6] = [
        ("minute", Self::Minute, 0, 59),
        ("hour", Self::Hour, 0, 23),
        ("day", Self::Day, 1, 31),
        ("week", Self::Week, 1, 53),
        ("month", Self::Month, 1, 12),
        ("year", Self::Year, 1970, 9999),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, ..)| *known == name).map(|(_, part, ..)| *part)
    }

    /// Its name, its least and its greatest value.
    pub(crate) fn range(self) -> (&'static str, i64, i64) {
        let found = Self::ALL.iter().find(|(_, part, ..)| *part == self);
        found.map_or(("year", 1970, 9999), |(name, _, least, most)| (name, *least, *most))
    }
}

/// A moment, to the second, with what stood behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    /// Since 1970-01-01 UTC.
    nanoseconds: u64,
}

impl Date {
    pub(crate) const fn of(nanoseconds: u64) -> Self {
        Self { nanoseconds }
    }

    pub(crate) const fn nanoseconds(self) -> u64 {
        self.nanoseconds
    }

    /// `2026-11-21 08:51:00`, with `T` instead of the blank, with a fraction and `Z`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once(['T', ' '])?;
        let mut date = date.split('-').map(str::parse::<i64>);
        let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
        let time = time.strip_suffix('Z').unwrap_or(time);
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let mut time = time.split(':').map(str::parse::<i64>);
        let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
        let within = (1970..=2500).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..=60).contains(&second);
        if !within || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let nanoseconds: u64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        let days = days_of(year, month, day);
        let seconds = days * SECONDS_A_DAY + hour * 3600 + minute * 60 + second;
        let whole = u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?;
        Some(Self { nanoseconds: whole.checked_add(nanoseconds)? })
    }

    /// The end of a day that is written as `2026-11-21`.
    pub(crate) fn end_of_day(text: &str) -> Option<Self> {
        let day = Self::parse(&format!("{text} 00:00:00")).filter(|day| day.day() == text)?;
        Some(Self { nanoseconds: day.nanoseconds.checked_add(NANOSECONDS_A_DAY)? })
    }

    /// As `2026-11-21`.
    pub(crate) fn day(self) -> String {
        let (year, month, day) = civil(self.seconds().div_euclid(SECONDS_A_DAY));
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// The day that this is the end of.
    pub(crate) fn day_before(self) -> String {
        Self { nanoseconds: self.nanoseconds.saturating_sub(NANOSECONDS_A_DAY) }.day()
    }

    fn seconds(self) -> i64 {
        i64::try_from(self.nanoseconds / 1_000_000_000).unwrap_or(i64::MAX)
    }

    pub(crate) fn part(self, part: TimePart) -> i64 {
        let seconds = self.seconds();
        let days = seconds.div_euclid(SECONDS_A_DAY);
        let (year, month, day) = civil(days);
        match part {
            TimePart::Minute => seconds / 60 % 60,
            TimePart::Hour => seconds / 3600 % 24,
            TimePart::Day => day,
            TimePart::Week => week(days),
            TimePart::Month => month,
            TimePart::Year => year,
        }
    }
}

/// As `UtcTime` of Sysmon has it.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds();
        let (year, month, day) = civil(seconds.div_euclid(SECONDS_A_DAY));
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let milliseconds = self.nanoseconds / 1_000_000 % 1000;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milliseconds:03}")
    }
}

/// Days from 1970-01-01 to the first of March of `year`, from where a leap day is the last of its year.
fn march(year: i64) -> i64 {
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) - 719_468
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    // From March on, the lengths of months repeat after five: 153 days.
    march(year) + (153 * months + 2) / 5 + day - 1
}

/// Year, month and day of a number of days from 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    // 400 years have 146,097 days; the guess is too late by one at most.
    let mut year = (days + 719_468) * 400 / 146_097 + 1;
    while march(year) > days {
        year -= 1;
    }
    let within = days - march(year);
    let months = (5 * within + 2) / 153;
    let day = within - (153 * months + 2) / 5 + 1;
    if months < 10 { (year, months + 3, day) } else { (year + 1, months - 9, day) }
}

/// The week of ISO 8601 that the day is in.
fn week(days: i64) -> i64 {
    // 1970-01-01 was a Thursday; the Thursday of a week decides its year.
    let thursday = days - (days + 3).rem_euclid(7) + 3;
    let (year, ..) = civil(thursday);
    (thursday - days_of(year, 1, 1)) / 7 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_there_and_back() {
        let mut days = 0;
        let mut last = (1969, 12, 31);
        while days < 200_000 {
            let date = civil(days);
            assert!(date > last, "{date:?} follows {last:?}");
            assert_eq!(days_of(date.0, date.1, date.2), days);
            last = date;
            days += 1;
        }
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_778), (2026, 11, 21));
    }

    #[test]
    fn a_day_ends_when_the_next_one_begins() {
        let end = Date::end_of_day("2024-02-29").unwrap();
        assert_eq!(
            (end.to_string().as_str(), end.day_before().as_str()),
            ("2024-03-01 00:00:00.000", "2024-02-29")
        );
        for wrong in ["2026-02-29", "2026-2-3", "2026-11-21 00:00:00", "26-11-21", "tomorrow", ""] {
            assert_eq!(Date::end_of_day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn parts_of_a_date() {
        let date = Date::parse("2026-11-21T22:05:09.250Z").unwrap();
        let parts = [TimePart::Minute, TimePart::Hour, TimePart::Day, TimePart::Month, TimePart::Year];
        assert_eq!(parts.map(|part| date.part(part)), [5, 22, 21, 11, 2026]);
        assert_eq!(date.to_string(), "2026-11-21 22:05:09.250");
        assert_eq!(Date::parse(&date.to_string()), Some(date));
        for (day, week) in [
            ("2026-11-21", 47),
            ("2027-01-03", 53),
            ("2027-01-04", 1),
            ("2024-12-30", 1),
            ("2021-01-01", 53),
            ("1970-01-01", 1),
        ] {
            let date = Date::parse(&format!("{day} 00:00:00")).unwrap();
            assert_eq!(date.part(TimePart::Week), week, "{day}");
        }
        for wrong in
            ["2026-11-21", "2026-13-21 00:00:00", "x", "2026-11-21 24:00:00", "2026-11-21 00:00:00.x"]
        {
            assert_eq!(Date::parse(wrong), None, "{wrong}");
        }
    }
}
