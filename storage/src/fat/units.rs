//! Letters in upper and lower case, as far as FAT makes no difference between them.

/// The upper case of a unit of UTF-16: of ASCII, Latin-1, Greek and Cyrillic letters, which need
/// no table. In other scripts names that differ in case only are two names here, and show as two
/// on a PC.
pub(super) const fn fold(unit: u16) -> u16 {
    match unit {
        0x61..=0x7a | 0xe0..=0xf6 | 0xf8..=0xfe => unit - 0x20,
        0x3b1..=0x3c1 | 0x3c3..=0x3cb | 0x430..=0x44f => unit - 0x20,
        0x450..=0x45f => unit - 0x50,
        _ => unit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold_text(text: &str) -> impl Iterator<Item = u16> + '_ {
        text.encode_utf16().map(fold)
    }

    #[test]
    fn case_is_as_unicode_has_it() {
        for unit in 0..=u16::MAX {
            let Some(letter) = char::from_u32(unit.into()) else { continue };
            if fold(unit) != unit {
                assert_eq!(letter.to_uppercase().next(), char::from_u32(fold(unit).into()));
                assert_eq!(fold(fold(unit)), fold(unit));
            }
        }
        assert!(fold_text("straße ÄÖ σ Дж ё").eq(fold_text("STRAßE äö Σ дЖ Ё")));
        assert!(!fold_text("×").eq(fold_text("÷")));
    }
}
