//! Describe: what the types of the ABI are in memory, as text. For the record that later versions are held against, for the
//! C header, and for what a plugin in C says it was compiled with.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use abi_stable::StableAbi;
use abi_stable::type_layout::{TLData, TLField, TLFields, TLFunction, TLPrimitive, TypeLayout};

use super::root::{PluginRootRef, SHARED};
use crate::fop::{FOPS, LAYOUTS, name as fop_name};

type Layout = &'static TypeLayout;

/// A struct, an enum or a table, with where its parts lie.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// The type.
    pub layout: Layout,
}

/// A part of a struct, with where it lies.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Bytes from the start.
    pub offset: usize,
    /// The part.
    pub field: TLField,
}

/// Every type of the ABI by name: what the root reaches, what fops carry, what crosses behind plain pointers.
#[must_use]
pub fn all() -> BTreeMap<String, Described> {
    let mut found = BTreeMap::new();
    reach(PluginRootRef::LAYOUT, &mut found);
    SHARED.iter().for_each(|shared| reach(shared.layout, &mut found));
    for fop in LAYOUTS {
        reach(fop.args, &mut found);
        reach(fop.reply, &mut found);
    }
    found
}

/// The types that `layout` is made of and leads to, itself first.
#[must_use]
pub fn reached(layout: Layout) -> BTreeMap<String, Described> {
    let mut found = BTreeMap::new();
    reach(layout, &mut found);
    found
}

/// The ABI as text: every type with its size, its alignment and its parts, then the fops.
#[must_use]
pub fn text() -> String {
    let mut text: String = all().values().map(Described::text).collect();
    for code in 0..FOPS {
        let Some(fop) = LAYOUTS.iter().find(|fop| fop.code == code) else { continue };
        line(&mut text, format_args!("fop {code} {}: {} -> {}", fop.name, name(fop.args), name(fop.reply)));
    }
    text
}

/// A number for all that fop `code` carries; 0 is for whatever fops there are: errors, futures, buffers.
#[must_use]
pub fn fingerprint(code: u32) -> u64 {
    let mut types = BTreeMap::new();
    match LAYOUTS.iter().find(|fop| fop.code == code) {
        Some(fop) => {
            reach(fop.args, &mut types);
            reach(fop.reply, &mut types);
        }
        None if code == 0 => {
            SHARED
                .iter()
                .filter(|shared| shared.name == "FopError")
                .for_each(|shared| reach(shared.layout, &mut types));
            reach(super::future::RawFuture::LAYOUT, &mut types);
            reach(super::future::WakerHeader::LAYOUT, &mut types);
            reach(crate::Event::LAYOUT, &mut types);
        }
        None => return 0,
    }
    let start = fop_name(code).unwrap_or_default().to_owned();
    let text = types.values().fold(start, |text, described| text + &described.text());
    // FNV-1a: it tells layouts apart, it keeps nobody out.
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn reach(layout: Layout, found: &mut BTreeMap<String, Described>) {
    let mut open = vec![layout];
    while let Some(layout) = open.pop() {
        open.extend(layout.generics().type_params().iter().map(|param| param()));
        if matches!(layout.data(), TLData::Primitive(_)) || found.contains_key(&name(layout)) {
            continue;
        }
        found.insert(name(layout), Described { layout });
        for field in fields(layout).iter().chain(layout.phantom_fields().iter()) {
            open.push(field.layout());
            for function in field.function_range().iter() {
                open.extend(function.param_type_layouts.iter().map(|param| param()));
                open.extend(function.return_type_layout().map(|answer| answer()));
            }
        }
    }
}

fn fields(layout: Layout) -> TLFields {
    match layout.data() {
        TLData::Struct { fields } | TLData::Union { fields } => fields,
        TLData::Enum(of) => of.fields,
        TLData::PrefixType(table) => table.fields,
        TLData::Primitive(_) | TLData::Opaque => layout.phantom_fields(),
    }
}

impl Described {
    /// Its parts in order, for a struct or a table.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let mut offset = 0_usize;
        let place = |field: TLField| {
            let layout = field.layout();
            let at = offset.next_multiple_of(layout.alignment());
            offset = at + layout.size();
            Part { offset: at, field }
        };
        match self.layout.data() {
            TLData::Struct { fields } => fields.iter().map(place).collect(),
            TLData::PrefixType(table) => table.fields.iter().map(place).collect(),
            _ => Vec::new(),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let layout = self.layout;
        let (size, align) = (layout.size(), layout.alignment());
        let kind = match layout.data() {
            TLData::Struct { .. } => "struct",
            TLData::Union { .. } => "union",
            TLData::Enum(_) => "enum",
            // How long a table is, is what may change.
            TLData::PrefixType(_) => "table",
            TLData::Primitive(_) | TLData::Opaque => "opaque",
        };
        match layout.data() {
            TLData::PrefixType(_) => line(&mut text, format_args!("{kind} {}", name(layout))),
            _ => line(&mut text, format_args!("{kind} {}: {size} bytes, aligned to {align}", name(layout))),
        }
        if let TLData::Enum(of) = layout.data() {
            let mut fields = of.fields.iter();
            line(&mut text, format_args!("    numbers {:?}", of.discriminants));
            let variants = of.variant_names.as_str().split(';').zip(of.field_count.iter());
            for (variant, count) in variants {
                let carried: Vec<_> =
                    fields.by_ref().take(usize::from(*count)).map(|field| name(field.layout())).collect();
                line(&mut text, format_args!("    {variant}({})", carried.join(", ")));
            }
        }
        for Part { offset, field } in self.parts() {
            line(&mut text, format_args!("    {offset:4} {}: {}", field.name(), type_of(&field)));
        }
        text
    }
}

fn type_of(field: &TLField) -> String {
    let functions: Vec<_> = field.function_range().iter().map(|function| signature(&function)).collect();
    if functions.is_empty() { name(field.layout()) } else { functions.join(" and ") }
}

fn signature(function: &TLFunction) -> String {
    let params: Vec<_> = function.param_type_layouts.iter().map(|param| name(param())).collect();
    let answer =
        function.return_type_layout().map(|answer| format!(" -> {}", name(answer()))).unwrap_or_default();
    format!("fn({}){answer}", params.join(", "))
}

/// A type's name, with what it is made of: `RVec<IoBuf>`, `*const Node`, `[u8; 16]`.
#[must_use]
pub fn name(layout: Layout) -> String {
    let params: Vec<String> = params(layout).into_iter().map(name).collect();
    let of = || params.first().cloned().unwrap_or_default();
    match layout.data() {
        TLData::Primitive(TLPrimitive::SharedRef) => format!("&{}", of()),
        TLData::Primitive(TLPrimitive::MutRef) => format!("&mut {}", of()),
        TLData::Primitive(TLPrimitive::ConstPtr) => format!("*const {}", of()),
        TLData::Primitive(TLPrimitive::MutPtr) => format!("*mut {}", of()),
        TLData::Primitive(TLPrimitive::Array) => format!("[{}; {}]", of(), count(layout)),
        // The fop has the same name.
        _ if layout.name() == "Link" && layout.size() == size_of::<super::node::Link>() => {
            "node::Link".to_owned()
        }
        _ if params.is_empty() => layout.name().to_owned(),
        _ => format!("{}<{}>", layout.name(), params.join(", ")),
    }
}

/// What a generic type is made with, which derived layouts do not tell: their fields do.
#[must_use]
pub fn params(layout: Layout) -> Vec<Layout> {
    let told = layout.generics().type_params();
    if !told.is_empty() {
        return told.iter().map(|param| param()).collect();
    }
    let fields = fields(layout);
    let of =
        |keep: &dyn Fn(&TLField) -> bool| fields.iter().filter(keep).map(|field| field.layout()).collect();
    match layout.name() {
        "ROption" | "RResult" | "Tuple2" => of(&|_| true),
        "Shared" => of(&|field| field.name() == "vtable"),
        _ => {
            let marks: Vec<Layout> = of(&|field| field.layout().name() == "PhantomData");
            marks.into_iter().flat_map(params).collect()
        }
    }
}

/// How many elements an array has.
#[must_use]
pub fn count(array: Layout) -> usize {
    let element = array.generics().type_params().first().map_or(1, |element| element().size());
    array.size() / element.max(1)
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    writeln!(text, "{words}").expect("a string takes everything");
}
