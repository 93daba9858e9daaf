//! Which known name a misspelt one was probably meant to be.

/// The candidate that few changes of a letter lead to.
pub(super) fn suggest<'c>(wrong: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let wrong: Vec<char> = wrong.chars().filter(|letter| *letter != '_').flat_map(char::to_lowercase).collect();
    let tolerated = wrong.len() / 3 + 1;
    candidates
        .into_iter()
        .map(|candidate| (distance(&wrong, candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The number of insertions, removals and replacements between the two; underscores do not count.
fn distance(left: &[char], right: &str) -> usize {
    let right: Vec<char> = right.chars().filter(|letter| *letter != '_').collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for column in 1..row.len() {
            let replaced = diagonal + usize::from(*letter != right[column - 1]);
            diagonal = row[column];
            row[column] = replaced.min(diagonal + 1).min(row[column - 1] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_found_in_either_spelling_and_a_far_one_is_not() {
        let names = ["disable_check_calls", "disable_report_calls", "quota_spec"];
        for (wrong, expected) in [
            ("disable_check_call", Some("disable_check_calls")),
            ("disableReportsCalls", Some("disable_report_calls")),
            ("quota_specs", Some("quota_spec")),
            ("routes", None),
            ("", None),
        ] {
            assert_eq!(suggest(wrong, names), expected, "{wrong}");
        }
    }
}
