//! `#[derive(Carry)]`: fields in order, variants by their place.

use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Fields, Ident, Path};

pub(crate) fn expand(item: &DeriveInput) -> syn::Result<Tokens> {
    let name = &item.ident;
    let (pack, unpack) = match &item.data {
        Data::Struct(body) => of_struct(&body.fields),
        Data::Enum(body) => of_enum(name, body)?,
        Data::Union(_) => {
            return Err(Error::new_spanned(name, "a union does not say which of its fields it holds"));
        }
    };
    let check = check(item)?.map(|path| quote!(#path(&value)?;));
    Ok(quote! {
        impl ::plugin_api::carry::Carry for #name {
            fn pack(&self, into: &mut ::plugin_api::carry::Pack<'_>) {
                #pack
            }

            fn unpack(
                from: &mut ::plugin_api::carry::Unpack<'_>,
            ) -> ::std::result::Result<Self, ::plugin_api::carry::CarryError> {
                let value = #unpack;
                #check
                Ok(value)
            }
        }
    })
}

fn check(item: &DeriveInput) -> syn::Result<Option<Path>> {
    let mut check = None;
    for attribute in item.attrs.iter().filter(|attribute| attribute.path().is_ident("carry")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("check") {
                return Err(meta.error("expected `check = path`"));
            }
            check = Some(meta.value()?.parse()?);
            Ok(())
        })?;
    }
    Ok(check)
}

fn of_struct(fields: &Fields) -> (Tokens, Tokens) {
    let members: Vec<_> = fields.members().collect();
    (
        quote!(#(::plugin_api::carry::Carry::pack(&self.#members, into);)*),
        quote!(Self { #(#members: ::plugin_api::carry::Carry::unpack(from)?),* }),
    )
}

fn of_enum(name: &Ident, body: &syn::DataEnum) -> syn::Result<(Tokens, Tokens)> {
    let mut packed = Vec::new();
    let mut unpacked = Vec::new();
    for (place, variant) in body.variants.iter().enumerate() {
        let tag = u8::try_from(place).map_err(|_| Error::new_spanned(variant, "more than 256 variants"))?;
        let ident = &variant.ident;
        let members: Vec<_> = variant.fields.members().collect();
        let bound: Vec<_> = (0..members.len()).map(|n| format_ident!("field_{n}")).collect();
        packed.push(quote! {
            Self::#ident { #(#members: #bound),* } => {
                ::plugin_api::carry::Carry::pack(&#tag, into);
                #(::plugin_api::carry::Carry::pack(#bound, into);)*
            }
        });
        unpacked.push(quote! {
            #tag => Self::#ident { #(#members: ::plugin_api::carry::Carry::unpack(from)?),* }
        });
    }
    let what = name.to_string();
    let unpack = quote! {
        match <u8 as ::plugin_api::carry::Carry>::unpack(from)? {
            #(#unpacked,)*
            found => {
                return Err(::plugin_api::carry::CarryError::Value { what: #what, found: found.into() });
            }
        }
    };
    Ok((quote!(match self { #(#packed)* }), unpack))
}
