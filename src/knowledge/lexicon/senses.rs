//! The form of the table of everyday words: a line is a sense, its words in Japanese, an equals sign, its words in English.

/// The table as it is packed: what is in Japanese of each line, and after all of it what is in English. Each half is more like itself.
#[cfg_attr(not(test), allow(dead_code))]
pub fn halves(table: &str) -> String {
    let lines = || table.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(" = "));
    let mut out = String::with_capacity(table.len());
    for half in lines().map(|l| l.0).chain(lines().map(|l| l.1)) {
        out.push_str(&half.replace(", ", ","));
        out.push('\n');
    }
    out
}

/// Each sense of the packed table: its words in Japanese and in English, each apart by commas.
pub fn senses(halves: &str) -> impl Iterator<Item = (&str, &str)> {
    let count = halves.lines().count() / 2;
    halves.lines().zip(halves.lines().skip(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_in_halves_is_read_line_by_line() {
        let table = "# fruit\n林檎,りんご = apple\n切r = cut, cut off\n";
        assert_eq!(senses(&halves(table)).collect::<Vec<_>>(), [("林檎,りんご", "apple"), ("切r", "cut,cut off")]);
    }
}
