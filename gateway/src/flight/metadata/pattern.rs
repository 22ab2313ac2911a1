//! Patterns that clients filter names by: `%` for anything, `_` for any character, `\` to take either
//! literally. Compared here and not as regular expressions, which a client's text could make slow.

/// Whether the name fits the pattern; letter case counts, since names are lower-case.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (read(pattern), name.chars().collect::<Vec<_>>());
    let (mut at, mut from) = (0_usize, 0_usize);
    // Where to try again: behind the last `%`, with one more character left to it.
    let mut again: Option<(usize, usize)> = None;
    while let Some(c) = name.get(from) {
        match pattern.get(at) {
            Some(Sign::Anything) => {
                again = Some((at.saturating_add(1), from));
                at = at.saturating_add(1);
                continue;
            }
            Some(Sign::Any) => {}
            Some(Sign::Exactly(e)) if e == c => {}
            Some(Sign::Exactly(_)) | None => {
                let Some((behind, start)) = again else { return false };
                again = Some((behind, start.saturating_add(1)));
                (at, from) = (behind, start.saturating_add(1));
                continue;
            }
        }
        (at, from) = (at.saturating_add(1), from.saturating_add(1));
    }
    pattern.iter().skip(at).all(|sign| *sign == Sign::Anything)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Anything,
    Any,
    Exactly(char),
}

fn read(pattern: &str) -> Vec<Sign> {
    let mut signs = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        signs.push(match c {
            '%' => Sign::Anything,
            '_' => Sign::Any,
            '\\' => Sign::Exactly(chars.next().unwrap_or('\\')),
            c => Sign::Exactly(c),
        });
    }
    signs
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_fit_as_in_like() {
        for (pattern, name, expected) in [
            ("crimes", "crimes", true),
            ("crimes", "crime", false),
            ("crime", "crimes", false),
            ("", "", true),
            ("", "crimes", false),
            ("%", "", true),
            ("%", "crimes", true),
            ("%%", "crimes", true),
            ("c%s", "crimes", true),
            ("c%t", "crimes", false),
            ("%im%", "crimes", true),
            ("_rimes", "crimes", true),
            ("_crimes", "crimes", false),
            ("council_tax", "councilxtax", true),
            (r"council\_tax", "councilxtax", false),
            (r"council\_tax", "council_tax", true),
            (r"100\%", "100%", true),
            (r"100\%", "1000", false),
            (r"a\", r"a\", true),
            ("CRIMES", "crimes", false),
            ("%a%b", "aabab", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let pattern = "%a".repeat(2_000);
        assert!(!fits(&pattern, &"b".repeat(63)));
        assert!(!fits(&format!("{pattern}b"), &"a".repeat(63)));
    }
}
