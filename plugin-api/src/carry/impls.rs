//! How the types that no derive sees are carried: numbers, texts, lists, and what keeps its fields to itself.

use abi_stable::std_types::{RBox, ROption, RResult, RString, RVec, Tuple2};

use super::{Carry, CarryError, FdParts, Pack, Unpack};
use crate::{Client, Dict, Errno, Fd, FileType, Gfid, Inode, IoBuf, Key, Value};

macro_rules! numbers {
    ($($ty:ident)*) => {
        $(impl Carry for $ty {
            #[inline]
            fn pack(&self, into: &mut Pack<'_>) {
                into.put_raw(&self.to_ne_bytes());
            }
            #[inline]
            fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
                from.take_raw(stringify!($ty)).map($ty::from_ne_bytes)
            }
        })*
    };
}

numbers! { u8 u16 u32 u64 usize i8 i16 i32 i64 isize f64 }

impl Carry for bool {
    fn pack(&self, into: &mut Pack<'_>) {
        into.put(&u8::from(*self));
    }

    fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
        match from.take::<u8>()? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(CarryError::Value { what: "bool", found: found.into() }),
        }
    }
}

impl<const N: usize> Carry for [u8; N] {
    fn pack(&self, into: &mut Pack<'_>) {
        into.put_raw(self);
    }

    fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
        from.take_raw("an id")
    }
}

impl Carry for IoBuf {
    fn pack(&self, into: &mut Pack<'_>) {
        into.put_buffer(self);
    }

    fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
        from.take_buffer("bytes")
    }
}

impl Carry for String {
    fn pack(&self, into: &mut Pack<'_>) {
        into.put_bytes(self.as_bytes());
    }

    fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
        let bytes = from.take_bytes("a text")?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| CarryError::Text { what: "text" })
    }
}

impl Carry for RString {
    fn pack(&self, into: &mut Pack<'_>) {
        into.put_bytes(self.as_bytes());
    }

    fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
        from.take::<String>().map(Self::from)
    }
}

macro_rules! lists {
    ($($list:ident)*) => {
        $(impl<T: Carry> Carry for $list<T> {
            fn pack(&self, into: &mut Pack<'_>) {
                into.put_len(self.len());
                self.iter().for_each(|item| into.put(item));
            }

            fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
                let count = from.take_len("a list")?;
                // Grows as items come: a count alone allocates nothing.
                let mut list = Self::new();
                for _ in 0..count {
                    list.push(from.take()?);
                }
                Ok(list)
            }
        })*
    };
}

lists! { Vec RVec }

macro_rules! options {
    ($($option:ident $some:ident $none:ident,)*) => {
        $(impl<T: Carry> Carry for $option<T> {
            fn pack(&self, into: &mut Pack<'_>) {
                into.put(&matches!(self, Self::$some(_)));
                if let Self::$some(value) = self {
                    into.put(value);
                }
            }

            fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
                Ok(if from.take()? { Self::$some(from.take()?) } else { Self::$none })
            }
        })*
    };
}

options! { Option Some None, ROption RSome RNone, }

macro_rules! results {
    ($($result:ident $ok:ident $err:ident,)*) => {
        $(impl<T: Carry, E: Carry> Carry for $result<T, E> {
            fn pack(&self, into: &mut Pack<'_>) {
                into.put(&matches!(self, Self::$ok(_)));
                match self {
                    Self::$ok(value) => into.put(value),
                    Self::$err(error) => into.put(error),
                }
            }

            fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
                Ok(if from.take()? { Self::$ok(from.take()?) } else { Self::$err(from.take()?) })
            }
        })*
    };
}

results! { Result Ok Err, RResult ROk RErr, }

impl Carry for () {
    fn pack(&self, _: &mut Pack<'_>) {}

    fn unpack(_: &mut Unpack<'_>) -> Result<Self, CarryError> {
        Ok(())
    }
}

impl<A: Carry, B: Carry> Carry for (A, B) {
    fn pack(&self, into: &mut Pack<'_>) {
        into.put(&self.0);
        into.put(&self.1);
    }

    fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
        Ok((from.take()?, from.take()?))
    }
}

impl<A: Carry, B: Carry> Carry for Tuple2<A, B> {
    fn pack(&self, into: &mut Pack<'_>) {
        into.put(&self.0);
        into.put(&self.1);
    }

    fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
        Ok(Self(from.take()?, from.take()?))
    }
}

impl<T: Carry> Carry for RBox<T> {
    fn pack(&self, into: &mut Pack<'_>) {
        into.put(&**self);
    }

    fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
        from.take().map(Self::new)
    }
}

impl Carry for Errno {
    fn pack(&self, into: &mut Pack<'_>) {
        into.put(&self.raw());
    }

    fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
        from.take().map(Self::from_raw)
    }
}

impl Carry for Dict {
    fn pack(&self, into: &mut Pack<'_>) {
        into.put_len(self.len());
        for (key, value) in self.iter() {
            into.put_bytes(key.as_bytes());
            into.put(value);
        }
    }

    fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
        let mut dict = Self::new();
        for _ in 0..from.take_len("a dict")? {
            let key = Key::new(from.take_buffer("a key")?);
            dict.push(key, from.take::<Value>()?);
        }
        Ok(dict)
    }
}

impl Carry for Inode {
    fn pack(&self, into: &mut Pack<'_>) {
        let id = into.objects().inode_out(self);
        into.put(&id);
        into.put(&self.gfid());
        into.put(&self.file_type());
    }

    fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
        let (id, gfid, file_type) = (from.take()?, from.take::<Gfid>()?, from.take::<FileType>()?);
        from.objects().inode_in(id, gfid, file_type)
    }
}

impl Carry for Fd {
    fn pack(&self, into: &mut Pack<'_>) {
        let id = into.objects().fd_out(self);
        into.put(&id);
        into.put(self.inode());
        into.put(&self.flags());
        into.put(&self.pid());
        into.put(&self.is_anonymous());
    }

    fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
        let id = from.take()?;
        let (inode, flags, pid, anonymous) = (from.take()?, from.take()?, from.take()?, from.take()?);
        from.objects().fd_in(id, FdParts { inode, flags, pid, anonymous })
    }
}

impl Carry for Client {
    fn pack(&self, into: &mut Pack<'_>) {
        let id = into.objects().client_out(self);
        into.put(&id);
        into.put_bytes(self.uid().as_bytes());
        into.put_bytes(self.peer().as_bytes());
        into.put(&self.is_trusted());
    }

    fn unpack(from: &mut Unpack<'_>) -> Result<Self, CarryError> {
        let id = from.take()?;
        let (uid, peer) = (from.take_buffer("a client")?, from.take_buffer("a client")?);
        let trusted = from.take()?;
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| CarryError::Text { what: "client" });
        let (uid, peer) = (text(&uid)?, text(&peer)?);
        from.objects().client_in(id, uid, peer, trusted)
    }
}
