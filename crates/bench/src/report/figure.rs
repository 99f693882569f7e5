//! Numbers as the report shows them.

use super::ratio::Ratio;
use crate::scenario::Unit;

/// A figure with its unit.
pub(crate) fn shown(unit: Unit, figure: f64) -> String {
    match unit {
        Unit::Nanoseconds => format!("{} ns", three_digits(figure)),
        Unit::Microseconds => format!("{} µs", three_digits(figure / 1000.0)),
        Unit::Bytes => format!("{} B", whole(figure)),
        Unit::Calls => format!("{figure:.2}"),
    }
}

/// The same without it, for columns of one unit.
pub(crate) fn bare(unit: Unit, figure: f64) -> String {
    let text = shown(unit, figure);
    match text.split_once(' ') {
        Some((number, _)) => number.to_owned(),
        None => text,
    }
}

/// A unit's name.
pub(crate) fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Nanoseconds => "ns",
        Unit::Microseconds => "µs",
        Unit::Bytes => "B",
        Unit::Calls => "calls",
    }
}

/// Two digits behind the point; three where two would say nothing.
pub(crate) fn ratio(ratio: f64) -> String {
    if ratio > 0.0 && ratio < 0.01 {
        return format!("{ratio:.4}");
    }
    if ratio >= 100.0 {
        return whole(ratio);
    }
    format!("{ratio:.2}")
}

/// A ratio and how sure it is, where that is known: "1.02 ±0.01", rounded up.
pub(crate) fn sure_ratio(of: Ratio) -> String {
    let digits = ratio(of.median);
    match of.uncertainty() {
        Some(uncertainty) => format!("{digits} ±{:.2}", (uncertainty * 100.0).ceil() / 100.0),
        None => digits,
    }
}

/// A number of things.
pub(crate) fn count(number: u64) -> String {
    whole(number as f64)
}

/// A part of a whole, as ± percent.
pub(crate) fn spread(part: Option<f64>) -> String {
    match part {
        Some(part) => format!("±{:.0} %", part * 100.0),
        None => "–".to_owned(),
    }
}

/// Three digits that count, more only before the point.
fn three_digits(figure: f64) -> String {
    match figure {
        f if f >= 100.0 => whole(f),
        f if f >= 10.0 => format!("{f:.1}"),
        f => format!("{f:.2}"),
    }
}

/// Digits in groups of three.
fn whole(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::{bare, ratio, shown, spread, sure_ratio};
    use crate::report::ratio::Ratio;
    use crate::scenario::Unit;

    #[test]
    fn figures_keep_three_digits() {
        assert_eq!(shown(Unit::Nanoseconds, 9.123), "9.12 ns");
        assert_eq!(shown(Unit::Nanoseconds, 39.27), "39.3 ns");
        assert_eq!(shown(Unit::Nanoseconds, 1_082_650.4), "1,082,650 ns");
        assert_eq!(shown(Unit::Microseconds, 5_193.0), "5.19 µs");
        assert_eq!(shown(Unit::Bytes, 154.4), "154 B");
        assert_eq!(bare(Unit::Calls, 2.004), "2.00");
        assert_eq!(bare(Unit::Nanoseconds, 104.2), "104");
    }

    #[test]
    fn ratios_and_spreads() {
        assert_eq!(ratio(0.196), "0.20");
        assert_eq!(ratio(0.000_05), "0.0001");
        assert_eq!(ratio(359.62), "360");
        assert_eq!(spread(Some(0.012)), "±1 %");
        assert_eq!(spread(None), "–");
    }

    #[test]
    fn what_is_not_sure_is_not_said_to_be() {
        let ratio = |within| Ratio {
            median: 1.017,
            within,
        };
        assert_eq!(sure_ratio(ratio(Some((1.009, 1.031)))), "1.02 ±0.02");
        assert_eq!(sure_ratio(ratio(Some((1.016, 1.018)))), "1.02 ±0.01");
        assert_eq!(sure_ratio(ratio(None)), "1.02");
    }
}
