//! Writes `include/mortar.h` from the types, and holds the one that is there against it, so that it cannot rot.
#![forbid(unsafe_code)]

#[path = "header/docs.rs"]
mod docs;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use abi_stable::StableAbi;
use abi_stable::type_layout::{TLData, TLField, TLFunction, TLPrimitive, TypeLayout};
use docs::Docs;
use plugin_api::Event;
use plugin_api::abi::c::{CApi, CBytes, COption, CPlugin};
use plugin_api::abi::describe::{self, Described};
use plugin_api::abi::frame::FrameHead;
use plugin_api::abi::future::{RawFuture, WakerHeader, WakerVtable};
use plugin_api::abi::node::{Link, Node, Route};
use plugin_api::abi::root::{ABI_VERSION, FopSlot};
use plugin_api::fop::{FOPS, FopError, LAYOUTS};

type Layout = &'static TypeLayout;

#[test]
fn the_header_is_what_the_types_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = folder.join("include/mortar.h");
    let written = header(folder);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &written).expect("the folder takes the header");
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = there.lines().zip(written.lines()).find(|(there, written)| there != written);
    assert!(
        there == written,
        "include/mortar.h is not what the types say, first at {differs:?}: write it anew with `UPDATE=1 cargo test -p \
         plugin-api --test header`, after a look at docs/abi.md, which says what may change"
    );
}

fn header(folder: &Path) -> String {
    let mut header = Header {
        text: String::new(),
        checks: String::new(),
        done: BTreeSet::new(),
        docs: Docs::read(&folder.join("src")),
    };
    header.text.push_str(include_str!("header/top.h"));
    header.numbers(folder);
    let core = [WakerVtable::LAYOUT, WakerHeader::LAYOUT, RawFuture::LAYOUT, FrameHead::LAYOUT, Node::LAYOUT];
    let more = [Link::LAYOUT, Route::LAYOUT, FopSlot::LAYOUT, Event::LAYOUT, FopError::LAYOUT];
    core.into_iter().chain(more).for_each(|layout| header.define(layout));
    header.fops();
    for layout in [CBytes::LAYOUT, COption::LAYOUT, CApi::LAYOUT, CPlugin::LAYOUT] {
        header.define(layout);
    }
    header.line(format_args!(
        "/* Where everything lies; a compiler that sees it otherwise makes no plugins. */"
    ));
    let checks = std::mem::take(&mut header.checks);
    header.line(format_args!("{checks}"));
    header.text.push_str(include_str!("header/bottom.h"));
    header.text
}

struct Header {
    text: String,
    /// What a compiler has to find, at the end of the header.
    checks: String,
    done: BTreeSet<String>,
    docs: Docs,
}

impl Header {
    fn line(&mut self, words: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{words}").expect("a string takes everything");
    }

    fn comment(&mut self, indent: &str, of: &str) {
        let lines = self.docs.of(of).to_vec();
        let last = lines.len().saturating_sub(1);
        for (at, words) in lines.iter().enumerate() {
            let (start, end) = (if at == 0 { "/*" } else { " *" }, if at == last { " */" } else { "" });
            self.line(format_args!("{indent}{start} {words}{end}"));
        }
    }

    fn numbers(&mut self, folder: &Path) {
        let (major, minor) = (ABI_VERSION.major, ABI_VERSION.minor);
        self.line(format_args!(
            "/* The version of the ABI, for 'abi' and 'needs'. */\n#define MORTAR_ABI {{{major}, {minor}}}\n"
        ));
        for (what, file, prefix) in [
            ("Kinds of option.", "src/options.rs", "OPTION_"),
            ("What happens to unknown fops.", "src/xlator.rs", ""),
            ("Kinds of event, as in GlusterFS 10.", "src/event.rs", "EVENT_"),
        ] {
            self.line(format_args!("/* {what} */\nenum {{"));
            for (name, number) in docs::numbers(&folder.join(file)) {
                self.line(format_args!("    MORTAR_{prefix}{name} = {number},"));
            }
            self.line(format_args!("}};\n"));
        }
        let places = plugin_api::positions::CLIENT..=plugin_api::positions::MANAGEMENT;
        assert_eq!(places, 1..=4, "the three below");
        self.line(format_args!(
            "/* Graphs that a translator may stand in. */\nenum {{ MORTAR_CLIENT = 1, MORTAR_BRICK = 2, MORTAR_MANAGEMENT = 4 }};\n"
        ));
        self.line(format_args!(
            "/* Which way an event goes. */\nenum {{ MORTAR_UP = 0, MORTAR_DOWN = 1 }};\n"
        ));
        self.line(format_args!("/* The fops. */\nenum {{"));
        for fop in LAYOUTS {
            self.line(format_args!("    MORTAR_FOP_{} = {},", fop.name.to_uppercase(), fop.code));
        }
        self.line(format_args!("    MORTAR_FOPS = {FOPS}\n}};\n"));
        self.line(format_args!(
            "/* What each fop carries, as a number; the host compares them with its own. */\n#define MORTAR_LAYOUTS {{ \\"
        ));
        for code in 0..FOPS {
            let end = if code + 1 == FOPS { " }\n" } else { ", \\" };
            self.line(format_args!("    UINT64_C({:#018x}){end}", describe::fingerprint(code)));
        }
    }

    fn fops(&mut self) {
        for fop in LAYOUTS {
            self.define(fop.args);
            self.define(fop.reply);
            let (name, reply) = (fop.name, c_name(fop.reply));
            self.line(format_args!(
                "/* Room for an answer of {name}: 'reply' with MORTAR_READY, 'error' with MORTAR_FAILED. */"
            ));
            self.line(format_args!(
                "union mortar_answer_{name} {{\n    struct {reply} reply;\n    struct mortar_error error;\n}};\n"
            ));
        }
    }

    /// Writes a struct or a function type, after those that lie in it.
    fn define(&mut self, layout: Layout) {
        let told = describe::name(layout);
        if !self.done.insert(told.clone()) {
            return;
        }
        match shape(layout) {
            Shape::Word | Shape::Pointer => {}
            Shape::Handle => {
                let name = c_name(layout);
                self.comment("", &told);
                self.line(format_args!("struct {name} {{\n    void *handle;\n}};\n"));
            }
            Shape::Array | Shape::Slice => {
                let vec = matches!(shape(layout), Shape::Array);
                let (name, more) = if vec {
                    ("rust_vec", "    size_t capacity;\n    const void *vtable;\n")
                } else {
                    ("rust_slice", "")
                };
                if self.done.insert(name.to_owned()) {
                    self.line(format_args!("/* Rust's own; for C to move, not to make. */\nstruct mortar_{name} {{\n    void *data;\n    size_t len;\n{more}}};\n"));
                }
                describe::params(layout).into_iter().for_each(|param| self.declare(param));
            }
            Shape::Maybe(of) => {
                self.define(of);
                let (name, ty) = (c_name(layout), declaration(of, "value"));
                self.line(format_args!("struct {name} {{\n    /* 0: 'value' is there; 1: it is not. */\n    uint8_t none;\n    {ty};\n}};\n"));
                self.sizes(layout);
            }
            Shape::Function(function) => {
                self.declare_function(&function);
                self.comment("", &told);
                let ty = function_declaration(&function, &c_name(layout));
                // Rust has no type for them here.
                let ty = ty.replace("const void *node", "const struct mortar_node *node");
                let ty = ty.replace("const void *frame", "const struct mortar_frame *frame");
                self.line(format_args!("typedef {ty};\n"));
            }
            Shape::Opaque => self.declare(layout),
            Shape::Struct => {
                let parts = Described { layout }.parts();
                let parts: Vec<_> = parts.into_iter().filter(|part| part.field.layout().size() > 0).collect();
                for part in &parts {
                    self.needed(&part.field);
                }
                self.comment("", &told);
                let name = c_name(layout);
                self.line(format_args!("struct {name} {{"));
                for part in &parts {
                    self.comment("    ", &format!("{told}::{}", part.field.name()));
                    let field = field_declaration(&part.field);
                    self.line(format_args!("    {field};"));
                }
                self.line(format_args!("}};"));
                for part in &parts {
                    let (field, offset) = (field_name(&part.field), part.offset);
                    self.check(format_args!("offsetof(struct {name}, {field}) == {offset}"));
                }
                self.sizes(layout);
            }
        }
    }

    fn sizes(&mut self, layout: Layout) {
        let (name, size) = (c_name(layout), layout.size());
        self.check(format_args!("sizeof(struct {name}) == {size}"));
        self.line(format_args!(""));
    }

    fn check(&mut self, what: std::fmt::Arguments<'_>) {
        writeln!(self.checks, "_Static_assert({what}, \"rebuild mortar.h\");")
            .expect("a string takes everything");
    }

    fn needed(&mut self, field: &TLField) {
        for function in field.function_range().iter() {
            self.declare_function(&function);
        }
        if field.function_range().is_empty() {
            self.declare_or_define(field.layout());
        }
    }

    fn declare_function(&mut self, function: &TLFunction) {
        for param in function
            .param_type_layouts
            .iter()
            .map(|param| param())
            .chain(function.return_type_layout().map(|f| f()))
        {
            self.declare_or_define(param);
        }
    }

    fn declare_or_define(&mut self, layout: Layout) {
        match (shape(layout), layout.data()) {
            (Shape::Pointer, _) => {
                describe::params(layout).into_iter().for_each(|to| self.declare_or_declare(to))
            }
            (_, TLData::Primitive(TLPrimitive::Array)) => {
                describe::params(layout).into_iter().for_each(|of| self.declare_or_define(of));
            }
            _ => self.define(layout),
        }
    }

    fn declare_or_declare(&mut self, layout: Layout) {
        match shape(layout) {
            Shape::Struct | Shape::Opaque => self.declare(layout),
            Shape::Handle => self.define(layout),
            Shape::Pointer => describe::params(layout).into_iter().for_each(|to| self.declare_or_declare(to)),
            _ => {}
        }
    }

    fn declare(&mut self, layout: Layout) {
        if matches!(shape(layout), Shape::Struct | Shape::Opaque) {
            let name = c_name(layout);
            if !self.done.contains(&describe::name(layout)) && self.done.insert(format!("struct {name}")) {
                self.line(format_args!("struct {name};"));
            }
        }
    }
}

/// What a type is in C.
enum Shape {
    Word,
    Pointer,
    Handle,
    Array,
    Slice,
    Maybe(Layout),
    Function(TLFunction),
    Struct,
    Opaque,
}

fn shape(layout: Layout) -> Shape {
    match layout.name() {
        "Dict" | "Inode" | "Fd" | "Client" => return Shape::Handle,
        "RVec" | "RString" => return Shape::Array,
        "RSlice" | "RStr" => return Shape::Slice,
        "ROption" => return Shape::Maybe(describe::params(layout)[0]),
        "CText" | "PrefixRef" | "NonNull" | "AtomicPtr" => return Shape::Pointer,
        "CInit" => return Shape::Opaque,
        "Option" => return Shape::Word,
        _ => {}
    }
    match layout.data() {
        TLData::Primitive(kind) => match kind {
            TLPrimitive::SharedRef | TLPrimitive::MutRef | TLPrimitive::ConstPtr | TLPrimitive::MutPtr => {
                Shape::Pointer
            }
            _ => Shape::Word,
        },
        TLData::Enum(_) => Shape::Word,
        TLData::Struct { fields } if fields.len() == 1 => match fields.get(0) {
            Some(only) if only.function_range().len() == 1 => Shape::Function(only.function_range().index(0)),
            Some(only)
                if number(only.layout()).is_some() && fields.get(0).is_some_and(|f| is_place(f.name())) =>
            {
                Shape::Word
            }
            _ => Shape::Struct,
        },
        TLData::Struct { fields } if fields.is_empty() => Shape::Word,
        _ if layout.name().starts_with("Atomic") => Shape::Word,
        _ => Shape::Struct,
    }
}

/// Whether a field is one by place, as of a tuple struct.
fn is_place(name: &str) -> bool {
    name == "0" || name == "field_0"
}

fn number(layout: Layout) -> Option<&'static str> {
    Some(match layout.data() {
        TLData::Primitive(kind) => match kind {
            TLPrimitive::U8 => "uint8_t",
            TLPrimitive::I8 => "int8_t",
            TLPrimitive::U16 => "uint16_t",
            TLPrimitive::I16 => "int16_t",
            TLPrimitive::U32 => "uint32_t",
            TLPrimitive::I32 => "int32_t",
            TLPrimitive::U64 => "uint64_t",
            TLPrimitive::I64 => "int64_t",
            TLPrimitive::Usize => "size_t",
            TLPrimitive::Isize => "ptrdiff_t",
            TLPrimitive::F32 => "float",
            TLPrimitive::F64 => "double",
            TLPrimitive::Bool => "bool",
            _ => return None,
        },
        TLData::Enum(_) => match layout.size() {
            1 => "uint8_t",
            2 => "uint16_t",
            _ => "uint32_t",
        },
        TLData::Struct { fields } if fields.is_empty() => "void",
        TLData::Struct { fields }
            if fields.len() == 1 && fields.get(0).is_some_and(|f| is_place(f.name())) =>
        {
            return number(fields.get(0)?.layout());
        }
        _ => return None,
    })
}

fn declaration(layout: Layout, name: &str) -> String {
    let to = || describe::params(layout).first().copied();
    match shape(layout) {
        _ if layout.name() == "CText" => format!("const char *{name}"),
        _ if matches!(layout.name(), "PrefixRef" | "NonNull") => format!("const void *{name}"),
        Shape::Pointer => {
            let constant = matches!(
                layout.data(),
                TLData::Primitive(TLPrimitive::SharedRef) | TLData::Primitive(TLPrimitive::ConstPtr)
            );
            let inner =
                to().map_or_else(|| format!("void *{name}"), |to| declaration(to, &format!("*{name}")));
            if constant { format!("const {inner}") } else { inner }
        }
        _ if matches!(layout.data(), TLData::Primitive(TLPrimitive::Array)) => declaration(
            to().expect("an array is of something"),
            &format!("{name}[{}]", describe::count(layout)),
        ),
        Shape::Word => {
            format!("{} {name}", number(layout).unwrap_or_else(|| panic!("{} in C", layout.name())))
        }
        Shape::Array => format!("struct mortar_rust_vec {name}"),
        Shape::Slice => format!("struct mortar_rust_slice {name}"),
        Shape::Function(_) => format!("{} {name}", c_name(layout)),
        Shape::Handle | Shape::Maybe(_) | Shape::Struct | Shape::Opaque => {
            format!("struct {} {name}", c_name(layout))
        }
    }
}

fn field_name(field: &TLField) -> String {
    match field.name() {
        name if is_place(name) => "value".to_owned(),
        // A macro of C.
        "errno" => "number".to_owned(),
        name => name.to_owned(),
    }
}

fn field_declaration(field: &TLField) -> String {
    let name = field_name(field);
    match field.function_range().iter().next() {
        Some(function) => function_declaration(&function, &name),
        None => declaration(field.layout(), &name),
    }
}

fn function_declaration(function: &TLFunction, name: &str) -> String {
    let names = function.param_names.as_str().split([';', ',']).map(str::to_owned);
    let params = function.param_type_layouts.iter().zip(names.chain(std::iter::repeat(String::new())));
    let params: Vec<_> =
        params.map(|(param, name)| declaration(param(), &name).trim_end().to_owned()).collect();
    let params = if params.is_empty() { "void".to_owned() } else { params.join(", ") };
    let called = format!("(*{name})({params})");
    match function.return_type_layout() {
        Some(answer) => declaration(answer(), &called),
        None => format!("void {called}"),
    }
}

fn c_name(layout: Layout) -> String {
    let told = describe::name(layout);
    let plain = match told.as_str() {
        "node::Link" => "NodeLink",
        "FrameHead" => "Frame",
        "WakerHeader" => "Waker",
        "RawFuture" => "Future",
        "FopError" => "Error",
        "ROption<Client>" => "MaybeClient",
        "ROption<Inode>" => "MaybeInode",
        name => {
            name.strip_prefix('C').filter(|rest| rest.starts_with(|c: char| c.is_uppercase())).unwrap_or(name)
        }
    };
    let mut name = "mortar".to_owned();
    for c in plain.chars().filter(|c| c.is_alphanumeric()) {
        if c.is_uppercase() {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}
