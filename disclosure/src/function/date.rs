//! Functions of dates; NULL for days beyond the calendar's ends.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Date32Type;
use arrow_array::{ArrayRef, Date32Array, Int64Array};
use chrono::{Datelike, NaiveDate};

use crate::tabulation::typing::civil;

/// A number within a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    Quarter,
    Month,
    Day,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    Week,
}

/// A stretch of the calendar that a date lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Period {
    Year,
    Quarter,
    Month,
}

/// The part of each date.
pub(super) fn part_of(dates: &ArrayRef, part: Part) -> ArrayRef {
    let number = |days: i32| {
        let date = civil(days)?;
        Some(match part {
            Part::Year => i64::from(date.year()),
            Part::Quarter => i64::from(date.quarter()),
            Part::Month => i64::from(date.month()),
            Part::Day => i64::from(date.day()),
            Part::DayOfWeek => i64::from(date.weekday().num_days_from_sunday()),
            Part::IsoDayOfWeek => i64::from(date.weekday().number_from_monday()),
            Part::DayOfYear => i64::from(date.ordinal()),
            Part::Week => i64::from(date.iso_week().week()),
        })
    };
    let numbers = dates.as_primitive::<Date32Type>().iter().map(|days| number(days?));
    Arc::new(numbers.collect::<Int64Array>())
}

/// The first day of the period that each date lies in.
pub(super) fn start_of(dates: &ArrayRef, period: Period) -> ArrayRef {
    let starts = dates.as_primitive::<Date32Type>().iter().map(|days| first_day(period, days?));
    Arc::new(starts.collect::<Date32Array>())
}

fn first_day(period: Period, days: i32) -> Option<i32> {
    let date = civil(days)?;
    let month = match period {
        Period::Year => 1,
        Period::Quarter => date.quarter().saturating_sub(1).saturating_mul(3).saturating_add(1),
        Period::Month => date.month(),
    };
    let start = NaiveDate::from_ymd_opt(date.year(), month, 1)?;
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
    i32::try_from(start.signed_duration_since(epoch).num_days()).ok()
}
