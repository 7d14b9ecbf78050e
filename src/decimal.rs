//! Decimal numbers as people, models and headers write them. The standard reading, exact to the last bit, brings ten kilobytes of tables
//! into the bundle.

/// Reads digits with a sign and a point, if there are any, such as `0.75`, `.6` or `-3`.
pub fn read(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let mut number = 0.0;
    let mut unit = 1.0;
    for c in whole.chars() {
        number = number * 10.0 + f64::from(c.to_digit(10)?);
    }
    for c in part.chars().take(15) {
        number = number * 10.0 + f64::from(c.to_digit(10)?);
        unit *= 10.0;
    }
    part.chars().all(|c| c.is_ascii_digit()).then_some(sign * number / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_reads_what_the_standard_reading_reads(text in "[+-]?[0-9]{0,9}(\\.[0-9]{0,6})?") {
            prop_assert_eq!(read(&text), text.parse().ok());
        }
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        for text in ["", "-", ".", "1.2.3", "1e3", "NaN", "inf", "１", "1.00000000000000000x"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"9".repeat(400)), Some(f64::INFINITY));
    }
}
