//! The `#[xlator]` attribute, and `#[derive(Carry)]`.

mod carry;

mod shape;

use proc_macro::TokenStream;
use proc_macro2::{Span, TokenStream as Tokens};
use quote::{format_ident, quote};
use shape::Shape;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    Error, Expr, ExprLit, ImplItem, ImplItemFn, ItemImpl, Lit, LitStr, MetaNameValue, Token, parse_quote,
};

/// Makes an `impl Xlator for T` its library's root.
///
/// `#[xlator("category/name", positions = "client, brick", unknown_fops = "pass")]`: the volfile type; where it may
/// stand (`client`, `brick`, `management`; all when left out); and what happens to fops that its plugin-api does not
/// know (`pass`, `deny` or `decompose`; must be said). `needs = "1.0"` names an older host that is enough for it, where
/// it uses nothing newer; without it that is the plugin-api it is built with. The doc comment of the type is not seen here: `doc = "…"` says
/// what the translator does, the last part of the name when left out.
///
/// `replace = "restart"`: another build of the plugin waits until the process is started again. For translators that
/// hold what clients rely on (locks, open files, connections), which the next build could not know of; all others are
/// replaced while they serve, without their contexts. `replace = "with-volume"`: the same, but what it holds ends where
/// its volume leaves the volfile, as the connection to a brick does; a graph with one of `restart` cannot do without it.
///
/// `allocator = "own"`: the library has a `#[global_allocator]` of its own, or is linked into programs that have. Without it, one is installed that counts, so
/// that the host can say how much memory the translator holds and keep it to a limit.
#[proc_macro_attribute]
pub fn xlator(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let args = syn::parse_macro_input!(attribute as Args);
    let item = syn::parse_macro_input!(item as ItemImpl);
    expand(&args, item).unwrap_or_else(Error::into_compile_error).into()
}

/// Lets a type be carried between processes: its fields in order, a variant by its place before them.
///
/// `#[carry(check = path)]` on a type names a function `fn(&Self) -> Result<(), CarryError>`, which looks at every value
/// that was read.
#[proc_macro_derive(Carry, attributes(carry))]
pub fn carry(item: TokenStream) -> TokenStream {
    let item = syn::parse_macro_input!(item as syn::DeriveInput);
    carry::expand(&item).unwrap_or_else(Error::into_compile_error).into()
}

struct Args {
    type_name: LitStr,
    named: Punctuated<MetaNameValue, Token![,]>,
}

impl Parse for Args {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let type_name: LitStr = input.parse()?;
        let named = if input.is_empty() {
            Punctuated::new()
        } else {
            input.parse::<Token![,]>()?;
            Punctuated::parse_terminated(input)?
        };
        if type_name.value().split('/').filter(|part| !part.is_empty()).count() != 2
            && type_name.value() != "meta"
        {
            return Err(Error::new(
                type_name.span(),
                "expected `category/name`, as in \"features/write-cap\"",
            ));
        }
        Ok(Self { type_name, named })
    }
}

impl Args {
    fn named(&self, name: &str) -> syn::Result<Option<LitStr>> {
        let Some(pair) = self.named.iter().find(|pair| pair.path.is_ident(name)) else { return Ok(None) };
        match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(Some(text.clone())),
            other => Err(Error::new_spanned(other, "expected a text in quotes")),
        }
    }
}

/// The methods of the trait that are not fops.
const LIFECYCLE: [&str; 7] =
    ["options", "init", "reconfigure", "notify", "client_disconnect", "dump", "fini"];

fn expand(args: &Args, mut item: ItemImpl) -> syn::Result<Tokens> {
    let ty = item.self_ty.clone();
    let mut slots = Vec::new();
    let mut apart = Vec::new();
    for part in &mut item.items {
        let ImplItem::Fn(method) = part else { continue };
        let name = method.sig.ident.clone();
        if LIFECYCLE.iter().any(|known| name == known) {
            continue;
        }
        let shape = match method.sig.asyncness {
            Some(_) => shape::of(method),
            None if returns_future(method) => Shape::Later,
            None => Shape::Plain,
        };
        let module = match &shape {
            Shape::Later => quote!(later),
            Shape::Plain => quote!(plain),
            Shape::Passing(_) => quote!(passing),
            Shape::Guarded(..) => quote!(guarded),
        };
        slots.push(quote!(::plugin_api::sdk::#module::#name::<#ty>()));
        match shape {
            Shape::Later => {}
            shape => apart.push(split(&ty, method, shape)?),
        }
    }
    let type_name = &args.type_name;
    let doc = args.named("doc")?.map_or_else(|| type_name.value(), |doc| doc.value());
    let positions = positions(args)?;
    let policy = policy(args)?;
    let (needs, more, allocator) = (needs(args)?, more(args)?, allocator(args)?);
    Ok(quote! {
        #item
        #(#apart)*
        impl ::plugin_api::sdk::module::XlatorInfo for #ty {
            const FOPS: &'static [::plugin_api::abi::root::FopSlot] = &[#(#slots),*];
            #needs

            fn declaration() -> ::plugin_api::Declaration {
                ::plugin_api::Declaration {
                    type_name: #type_name.into(),
                    doc: #doc.into(),
                    options: <#ty as ::plugin_api::Xlator>::options(),
                    positions: #positions,
                    unknown_fops: ::plugin_api::UnknownFops::#policy,
                    more: #more,
                }
            }
        }
        ::plugin_api::export_root!(xlator_root, #ty #allocator);
    })
}

/// Whether the library keeps an allocator of its own instead of the one that counts.
fn allocator(args: &Args) -> syn::Result<Tokens> {
    match args.named("allocator")? {
        None => Ok(Tokens::new()),
        Some(text) if text.value() == "own" => Ok(quote!(, allocator = own)),
        Some(text) => Err(Error::new(text.span(), "expected \"own\"")),
    }
}

/// What is declared beside the fields: by key, as hosts look for it.
fn more(args: &Args) -> syn::Result<Tokens> {
    let mut more = quote!(::plugin_api::Dict::new());
    if let Some(text) = args.named("replace")? {
        match text.value().as_str() {
            "in-place" => {}
            kind @ ("restart" | "with-volume") => more = quote!(#more.with("replace", #kind)),
            _ => {
                let expected = "expected \"in-place\", \"restart\" or \"with-volume\"";
                return Err(Error::new(text.span(), expected));
            }
        }
    }
    Ok(more)
}

fn returns_future(method: &ImplItemFn) -> bool {
    matches!(&method.sig.output, syn::ReturnType::Type(_, ty) if matches!(**ty, syn::Type::ImplTrait(_)))
}

/// Moves the body of a fop that needs no future, or not always, into the trait of its shape, and leaves a method that
/// answers from there.
fn split(ty: &syn::Type, method: &mut ImplItemFn, shape: Shape) -> syn::Result<Tokens> {
    let name = &method.sig.ident;
    if method.sig.inputs.len() != 3 {
        return Err(Error::new_spanned(&method.sig, "a fop takes `&self, frame: &Frame, args: …`"));
    }
    // The very token: inside a `macro_rules!`, another `self` is not the same.
    let this = match method.sig.inputs.first() {
        Some(syn::FnArg::Receiver(receiver)) => receiver.self_token,
        _ => return Err(Error::new_spanned(&method.sig, "a fop takes `&self`")),
    };
    let kind = quote!(::plugin_api::fop::kind::#name);
    let reply = quote!(<#kind as ::plugin_api::fop::FopType>::Reply);
    let ends = quote!(::plugin_api::fop::FopResult<::plugin_api::Pass<'pass, #kind>>);
    let mut inner = method.clone();
    inner.attrs.retain(|attr| attr.path().is_ident("allow"));
    let (part, call) = match shape {
        Shape::Passing(body) => {
            let pass = lends(&inner, "pass", body, &ends);
            let call = quote!({
                let mut args = args;
                let passed = <Self as ::plugin_api::PassingFop<#kind>>::pass(#this, frame, &mut args);
                async move { passed?.answer(args).await }
            });
            (quote!(impl ::plugin_api::PassingFop<#kind> for #ty { #pass }), call)
        }
        Shape::Guarded(guards, rest) => {
            let guard = lends(&inner, "guard", guards, &quote!(::core::option::Option<#ends>));
            inner.sig.ident = format_ident!("rest", span = Span::call_site());
            let (frame, args) = (shape::parameter(method, 1), shape::parameter(method, 2));
            inner.block = rest;
            // What only the guards use.
            inner.block.stmts.insert(0, parse_quote!(let _ = (#frame, &#args);));
            let call = quote!({
                async move {
                    let mut args = args;
                    match <Self as ::plugin_api::GuardedFop<#kind>>::guard(#this, frame, &mut args) {
                        Some(passed) => passed?.answer(args).await,
                        None => <Self as ::plugin_api::GuardedFop<#kind>>::rest(#this, frame, args).await,
                    }
                }
            });
            (quote!(impl ::plugin_api::GuardedFop<#kind> for #ty { #guard #inner }), call)
        }
        Shape::Plain | Shape::Later => {
            inner.sig.asyncness = None;
            inner.sig.ident = format_ident!("answer", span = Span::call_site());
            let call = quote!({
                ::std::future::ready(<Self as ::plugin_api::PlainFop<#kind>>::answer(#this, frame, args))
            });
            (quote!(impl ::plugin_api::PlainFop<#kind> for #ty { #inner }), call)
        }
    };
    method.sig.asyncness = None;
    method.sig.output = parse_quote! {
        -> impl ::std::future::Future<Output = ::plugin_api::fop::FopResult<#reply>> + Send
    };
    let patterns = [format_ident!("frame"), format_ident!("args")];
    for (input, pattern) in method.sig.inputs.iter_mut().skip(1).zip(&patterns) {
        if let syn::FnArg::Typed(typed) = input {
            *typed.pat = parse_quote!(#pattern);
        }
    }
    method.block = syn::parse2(call)?;
    Ok(part)
}

/// A fop's part that is lent the arguments, and needs no future.
fn lends(method: &ImplItemFn, name: &str, mut body: syn::Block, ends: &Tokens) -> ImplItemFn {
    let mut part = method.clone();
    let (frame, args) = (shape::parameter(method, 1), shape::parameter(method, 2));
    // They are used as they are passed on, which is not seen in what is left of the body.
    body.stmts.insert(0, parse_quote!(let _ = (#frame, &*#args);));
    part.block = body;
    part.sig.asyncness = None;
    part.sig.ident = format_ident!("{name}", span = Span::call_site());
    part.sig.generics = parse_quote!(<'pass>);
    for (input, lent) in
        part.sig.inputs.iter_mut().skip(1).zip([quote!(&'pass ::plugin_api::Frame), quote!(&mut)])
    {
        let syn::FnArg::Typed(input) = input else { continue };
        if let syn::Pat::Ident(name) = &mut *input.pat {
            name.mutability = None;
        }
        let args = &input.ty;
        *input.ty = match &*input.ty {
            syn::Type::Reference(_) => parse_quote!(#lent),
            _ => parse_quote!(#lent #args),
        };
    }
    part.sig.output = parse_quote!(-> #ends);
    part
}

fn positions(args: &Args) -> syn::Result<Tokens> {
    let Some(text) = args.named("positions")? else { return Ok(quote!(::plugin_api::positions::ANY)) };
    let mut bits = Vec::new();
    for word in text.value().split(',').map(str::trim) {
        bits.push(match word {
            "client" => quote!(::plugin_api::positions::CLIENT),
            "brick" => quote!(::plugin_api::positions::BRICK),
            "management" => quote!(::plugin_api::positions::MANAGEMENT),
            _ => {
                return Err(Error::new(
                    text.span(),
                    "expected `client`, `brick` or `management`, with commas",
                ));
            }
        });
    }
    Ok(quote!(#(#bits)|*))
}

/// The oldest host, where it is said.
fn needs(args: &Args) -> syn::Result<Tokens> {
    let Some(text) = args.named("needs")? else { return Ok(Tokens::new()) };
    let words = text.value();
    let numbers = words
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?)));
    let Some((major, minor)) = numbers else {
        return Err(Error::new(
            text.span(),
            "expected the oldest version of plugin-api that is enough, as \"1.0\"",
        ));
    };
    Ok(quote! {
        const NEEDS: ::plugin_api::abi::root::AbiVersion =
            ::plugin_api::abi::root::AbiVersion { major: #major, minor: #minor };
    })
}

fn policy(args: &Args) -> syn::Result<Tokens> {
    let missing = || {
        let say = "say what happens to fops that this plugin-api does not know yet: unknown_fops = \"pass\" when they \
                   may go by unseen, \"deny\" or \"decompose\" when data would go wrong then";
        Error::new(args.type_name.span(), say)
    };
    let text = args.named("unknown_fops")?.ok_or_else(missing)?;
    match text.value().as_str() {
        "pass" => Ok(quote!(PASS)),
        "deny" => Ok(quote!(DENY)),
        "decompose" => Ok(quote!(DECOMPOSE)),
        _ => Err(Error::new(text.span(), "expected \"pass\", \"deny\" or \"decompose\"")),
    }
}
