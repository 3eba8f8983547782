//! Declares messages and number tables, each once.

/// A message: a struct whose fields stand in wire order; `as` names the codec where the type alone does not say it.
macro_rules! record {
    ($($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty $(as $codec:ty)?),* $(,)? })*) => {$(
        $(#[$meta])*
        #[allow(missing_docs, reason = "the fields have the names and the order that the protocol gives them")]
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $ty,)*
        }

        impl $crate::Xdr for $name {
            fn get(r: &mut $crate::Reader<'_>) -> Result<Self, $crate::XdrError> {
                let _ = &r;
                Ok(Self {
                    $($field: record!(@get r, $ty $(, $codec)?)
                        .map_err(|e| e.at(concat!(stringify!($name), ".", stringify!($field))))?,)*
                })
            }

            fn put(&self, w: &mut $crate::Writer) {
                let _ = &w;
                $(record!(@put w, self.$field, $ty $(, $codec)?);)*
            }
        }
    )*};
    (@get $r:ident, $ty:ty) => { <$ty as $crate::Xdr>::get($r) };
    (@get $r:ident, $ty:ty, $codec:ty) => { <$codec as $crate::Codec<$ty>>::get($r) };
    (@put $w:ident, $value:expr, $ty:ty) => { <$ty as $crate::Xdr>::put(&$value, $w) };
    (@put $w:ident, $value:expr, $ty:ty, $codec:ty) => { <$codec as $crate::Codec<$ty>>::put(&$value, $w) };
}

/// The codec of a plain type of `plugin-api`: its fields in wire order.
macro_rules! foreign_record {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::Xdr for $name {
            fn get(r: &mut $crate::Reader<'_>) -> Result<Self, $crate::XdrError> {
                Ok(Self { $($field: $crate::Xdr::get(r)?,)* })
            }

            fn put(&self, w: &mut $crate::Writer) {
                $($crate::Xdr::put(&self.$field, w);)*
            }
        }
    };
}

/// A table of numbers with the names that logs show.
macro_rules! numbers {
    ($(#[$meta:meta])* pub enum $name:ident { $($variant:ident = $number:literal $text:literal),* $(,)? }) => {
        $(#[$meta])*
        #[allow(missing_docs, reason = "the names are those of the protocol")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum $name {
            $($variant = $number,)*
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The one with this number on the wire.
            #[must_use]
            pub const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> u32 {
                self as u32
            }

            /// The name, as logs show it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}
