//! Which fops are told of.

use fop_dice::FopSet;
use plugin_api::InitError;

/// All fops; or those named in `include`; else all but those named in `exclude`. Names are separated by commas.
///
/// # Errors
/// A sentence that names what is no fop.
pub(crate) fn told(include: Option<&str>, exclude: Option<&str>) -> Result<FopSet, InitError> {
    match (include.filter(|list| !list.is_empty()), exclude) {
        (Some(list), _) => FopSet::parse(list),
        (None, Some(list)) => FopSet::parse(list).map(FopSet::complement),
        (None, None) => Ok(FopSet::ALL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_included_or_not_excluded_is_told() {
        let all = told(None, None).unwrap();
        assert!(all.has(27) && all.has(200));
        let some = told(Some("LOOKUP,write"), Some("lookup")).unwrap();
        assert!(some.has(27) && some.has(13) && !some.has(12));
        let rest = told(Some(""), Some("lookup, stat")).unwrap();
        assert!(!rest.has(27) && !rest.has(1) && rest.has(12));
    }
}
