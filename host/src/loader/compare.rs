//! Compares a type as a plugin knows it with the same type as this host knows it, down to every field.
//!
//! abi_stable's own comparison is one-way (a table of the host that has grown refuses every older plugin), all or
//! nothing, and tells thousands of lines. This one lets tables differ in what one of them has at its end, and names the
//! type and the field where the two part ways.

use std::collections::HashSet;

use abi_stable::std_types::RStr;
use abi_stable::type_layout::{TLData, TLEnum, TLField, TLFields, TLFunction, TypeLayout};
use plugin_api::abi::root::GROWING;

/// Pairs of types that were compared already; types reach themselves through pointers.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    seen: HashSet<(usize, usize)>,
}

type Layout = &'static TypeLayout;

/// Where a type is no longer the same: `Iatt: its field …`.
type Difference = String;

impl Comparison {
    /// Whether a plugin's type is the host's. Tables that are reached by reference and [`GROWING`] structs may be longer on
    /// either side.
    pub(super) fn compare(&mut self, plugin: Layout, host: Layout) -> Result<(), Difference> {
        if !self.seen.insert((std::ptr::from_ref(plugin).addr(), std::ptr::from_ref(host).addr())) {
            return Ok(());
        }
        let name = host.name();
        if plugin.name() != name {
            return Err(format!("`{}` of the plugin is `{name}` here", plugin.name()));
        }
        let grows = GROWING.contains(&name);
        let mut open = grows;
        match (plugin.data(), host.data()) {
            (TLData::Primitive(theirs), TLData::Primitive(ours)) if theirs == ours => {}
            (TLData::Opaque, TLData::Opaque) => {}
            (TLData::Struct { fields: theirs }, TLData::Struct { fields: ours })
            | (TLData::Union { fields: theirs }, TLData::Union { fields: ours }) => {
                self.fields(name, theirs, ours, grows)?;
            }
            (TLData::Enum(theirs), TLData::Enum(ours)) => self.variants(name, &theirs, &ours)?,
            (TLData::PrefixType(theirs), TLData::PrefixType(ours)) => {
                open = true;
                if theirs.first_suffix_field != ours.first_suffix_field {
                    return Err(format!(
                        "`{name}`: the part of the table that never changes has another length"
                    ));
                }
                let fixed = usize::from(ours.first_suffix_field);
                if theirs.fields.len() < fixed || ours.fields.len() < fixed {
                    return Err(format!("`{name}` has fewer fields than the part that never changes"));
                }
                self.fields(name, theirs.fields, ours.fields, true)?;
            }
            _ => return Err(format!("`{name}` is another kind of type")),
        }
        self.fields(name, plugin.phantom_fields(), host.phantom_fields(), false)?;
        for (there, here) in plugin.generics().type_params().iter().zip(host.generics().type_params()) {
            self.compare(there(), here())?;
        }
        let sizes = (plugin.size(), plugin.alignment());
        if !open && sizes != (host.size(), host.alignment()) {
            let ours = (host.size(), host.alignment());
            return Err(format!(
                "`{name}` has {} bytes, aligned to {}, and here {}, aligned to {}",
                sizes.0, sizes.1, ours.0, ours.1
            ));
        }
        Ok(())
    }

    fn fields(&mut self, of: &str, theirs: TLFields, ours: TLFields, open: bool) -> Result<(), Difference> {
        for (theirs, ours) in theirs.iter().zip(ours.iter()) {
            self.field(of, &theirs, &ours)?;
        }
        let at = theirs.len().min(ours.len());
        match (theirs.get(at), ours.get(at)) {
            (Some(more), _) if !open => {
                Err(format!("`{of}` of the plugin has a field `{}` that is not here", more.name()))
            }
            (_, Some(more)) if !open => {
                Err(format!("`{of}` of the plugin has no field `{}`, which is here", more.name()))
            }
            _ => Ok(()),
        }
    }

    fn field(&mut self, of: &str, theirs: &TLField, ours: &TLField) -> Result<(), Difference> {
        let name = ours.name();
        if theirs.name() != name {
            return Err(format!("`{of}` of the plugin has `{}` where `{name}` is here", theirs.name()));
        }
        let (there, here) = (theirs.layout(), ours.layout());
        if there.name() != here.name() {
            return Err(format!(
                "field `{name}` of `{of}` is a `{}` in the plugin and a `{}` here",
                there.name(),
                here.name()
            ));
        }
        let (functions, known) = (theirs.function_range(), ours.function_range());
        if functions.len() != known.len() {
            return Err(format!("field `{name}` of `{of}` is another function"));
        }
        for (function, known) in functions.iter().zip(known.iter()) {
            self.function(of, name, &function, &known)?;
        }
        self.compare(there, here).map_err(|difference| within(of, name, &difference))
    }

    fn function(
        &mut self,
        of: &str,
        name: &str,
        theirs: &TLFunction,
        ours: &TLFunction,
    ) -> Result<(), Difference> {
        let (params, known) = (theirs.param_type_layouts, ours.param_type_layouts);
        if params.len() != known.len() {
            return Err(format!(
                "function `{name}` of `{of}` takes {} arguments in the plugin and {} here",
                params.len(),
                known.len()
            ));
        }
        for (there, here) in params.iter().zip(known.iter()) {
            let told = self.compare(there(), here());
            told.map_err(|difference| within(of, name, &difference))?;
        }
        match (theirs.return_type_layout(), ours.return_type_layout()) {
            (None, None) => Ok(()),
            (Some(there), Some(here)) => {
                let told = self.compare(there(), here());
                told.map_err(|difference| within(of, name, &difference))
            }
            _ => Err(format!("function `{name}` of `{of}` answers on one side only")),
        }
    }

    fn variants(&mut self, of: &str, theirs: &TLEnum, ours: &TLEnum) -> Result<(), Difference> {
        let names = |variants: RStr<'static>| variants.as_str().trim_end_matches(';').replace(';', ", ");
        if theirs.variant_names != ours.variant_names || theirs.field_count != ours.field_count {
            return Err(format!(
                "`{of}` is one of {} in the plugin and one of {} here",
                names(theirs.variant_names),
                names(ours.variant_names)
            ));
        }
        if theirs.discriminants != ours.discriminants {
            return Err(format!("the variants of `{of}` have other numbers"));
        }
        self.fields(of, theirs.fields, ours.fields, false)
    }
}

/// What differs further in, with the outermost place only where it is not told already.
fn within(of: &str, field: &str, difference: &str) -> Difference {
    if difference.contains(" (in `") {
        difference.to_owned()
    } else {
        format!("{difference} (in `{of}::{field}`)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(dead_code, reason = "types that are only compared")]
    use super::*;
    use abi_stable::StableAbi;

    mod old {
        use abi_stable::StableAbi;

        #[repr(C)]
        #[derive(StableAbi)]
        pub(super) struct Inner {
            pub(super) size: u32,
            pub(super) mode: u32,
        }

        #[repr(C)]
        #[derive(StableAbi)]
        pub(super) struct Args {
            pub(super) inner: Inner,
        }

        #[repr(u8)]
        #[derive(StableAbi)]
        pub(super) enum Answer {
            Yes,
            No,
        }

        #[repr(C)]
        #[derive(StableAbi)]
        #[sabi(kind(Prefix(prefix_ref = TableRef)))]
        #[sabi(missing_field(panic))]
        pub(super) struct Table {
            #[sabi(last_prefix_field)]
            pub(super) stat: extern "C" fn(Args) -> u32,
        }
    }

    mod new {
        use abi_stable::StableAbi;

        #[repr(C)]
        #[derive(StableAbi)]
        pub(super) struct Inner {
            pub(super) size: u64,
            pub(super) mode: u32,
        }

        #[repr(C)]
        #[derive(StableAbi)]
        pub(super) struct Args {
            pub(super) inner: Inner,
        }

        #[repr(u8)]
        #[derive(StableAbi)]
        pub(super) enum Answer {
            Yes,
            No,
            Maybe,
        }

        #[repr(C)]
        #[derive(StableAbi)]
        #[sabi(kind(Prefix(prefix_ref = TableRef)))]
        #[sabi(missing_field(panic))]
        pub(super) struct Table {
            #[sabi(last_prefix_field)]
            pub(super) stat: extern "C" fn(super::old::Args) -> u32,
            pub(super) fill: extern "C" fn(u64) -> u32,
        }

        pub(super) mod changed {
            use abi_stable::StableAbi;

            #[repr(C)]
            #[derive(StableAbi)]
            #[sabi(kind(Prefix(prefix_ref = TableRef)))]
            #[sabi(missing_field(panic))]
            pub(in super::super) struct Table {
                #[sabi(last_prefix_field)]
                pub(in super::super) stat: extern "C" fn(super::Args) -> u32,
            }
        }
    }

    fn difference<A: StableAbi, B: StableAbi>() -> Result<(), String> {
        Comparison::default().compare(A::LAYOUT, B::LAYOUT)
    }

    #[test]
    fn a_field_that_changed_is_told_by_name_however_deep_it_lies() {
        assert_eq!(
            difference::<old::Args, new::Args>().unwrap_err(),
            "field `size` of `Inner` is a `u32` in the plugin and a `u64` here (in `Args::inner`)"
        );
        assert_eq!(
            difference::<old::TableRef, new::changed::TableRef>().unwrap_err(),
            "field `size` of `Inner` is a `u32` in the plugin and a `u64` here (in `Args::inner`)"
        );
    }

    #[test]
    fn a_table_may_have_more_at_its_end_on_either_side() {
        assert_eq!(difference::<old::TableRef, new::TableRef>(), Ok(()));
        assert_eq!(difference::<new::TableRef, old::TableRef>(), Ok(()));
    }

    #[test]
    fn an_enum_has_the_same_variants_on_both_sides() {
        assert_eq!(
            difference::<new::Answer, old::Answer>().unwrap_err(),
            "`Answer` is one of Yes, No, Maybe in the plugin and one of Yes, No here"
        );
    }
}
