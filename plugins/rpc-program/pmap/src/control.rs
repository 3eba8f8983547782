//! Verbs: what the daemon asks of its port map.

use plugin_api::{Dict, IoBuf, Value};

use crate::Pmap;
use crate::table::Entry;

impl Pmap {
    pub(crate) fn execute(&self, verb: &str, request: &Dict) -> Result<Dict, String> {
        match verb {
            "reserve" => self.reserve(),
            "release" => {
                self.table().release(port(request)?);
                Ok(Dict::new())
            }
            "register" => self.register(request),
            "forget" => {
                self.table().sign_out(brick(request)?);
                Ok(Dict::new())
            }
            "port" => {
                let table = self.table();
                let entry = table.find(brick(request)?).ok_or("no such brick has signed in")?;
                Ok(Dict::new().with("port", u32::from(entry.port)))
            }
            "list" => Ok(self.list()),
            _ => Err(format!(
                "the port map has no `{verb}`; it has reserve, release, register, forget, port and list"
            )),
        }
    }

    fn reserve(&self) -> Result<Dict, String> {
        let mut table = self.table();
        let port = self.range.choose(|port| table.holds(port)).ok_or("every port for bricks is held")?;
        table.reserve(port);
        Ok(Dict::new().with("port", u32::from(port)))
    }

    fn register(&self, request: &Dict) -> Result<Dict, String> {
        let entry = Entry { brick: brick(request)?.to_vec(), port: port(request)?, pid: 0, connection: 0 };
        let has_room = self.table().sign_in(entry);
        has_room.then(Dict::new).ok_or_else(|| "the port map is full".to_owned())
    }

    fn list(&self) -> Dict {
        let table = self.table();
        let mut dict = Dict::new();
        let mut count = 0u32;
        for entry in table.all() {
            count += 1;
            dict.push(format!("brick{count}"), Value::Str(IoBuf::copy_from_slice(&entry.brick)));
            dict.push(format!("port{count}"), u32::from(entry.port));
        }
        dict.set("count", count);
        dict
    }
}

fn brick(request: &Dict) -> Result<&[u8], String> {
    let bytes = request.get("brick").and_then(Value::as_bytes).ok_or("`brick` is missing")?;
    Ok(bytes.strip_suffix(&[0]).unwrap_or(bytes))
}

fn port(request: &Dict) -> Result<u16, String> {
    let port = request.uint("port").and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    port.ok_or_else(|| "`port` is missing, or no port from 1 to 65535".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use abi_stable::std_types::RStr;
    use plugin_api::rpc_program::{ObserverImpl, RpcProgram};

    struct Deaf;

    impl ObserverImpl for Deaf {
        fn observed(&self, _what: RStr<'_>, _data: &Dict) {}
    }

    fn pmap(settings: &Dict) -> Pmap {
        Pmap::new(settings, Arc::new(Deaf).share()).unwrap()
    }

    #[test]
    fn a_reserved_port_is_not_given_twice_until_it_is_released() {
        let free = std::net::TcpListener::bind(("0.0.0.0", 0)).unwrap().local_addr().unwrap().port();
        let one = Dict::new().with("base-port", u32::from(free)).with("max-port", u32::from(free));
        let pmap = pmap(&one);
        let first = pmap.execute("reserve", &Dict::new()).unwrap();
        assert_eq!(first.uint("port"), Some(free.into()));
        assert!(pmap.execute("reserve", &Dict::new()).unwrap_err().contains("held"));
        pmap.execute("release", &first).unwrap();
        assert!(pmap.execute("reserve", &Dict::new()).is_ok());
    }

    #[test]
    fn a_brick_that_was_up_before_the_daemon_can_be_registered_and_forgotten() {
        let pmap = pmap(&Dict::new());
        let brick = Dict::new().with("brick", "/b/1").with("port", 49152);
        pmap.execute("register", &brick).unwrap();
        assert_eq!(pmap.execute("port", &brick).unwrap().uint("port"), Some(49152));
        let list = pmap.execute("list", &Dict::new()).unwrap();
        assert_eq!(
            (list.uint("count"), list.str("brick1"), list.uint("port1")),
            (Some(1), Some("/b/1"), Some(49152))
        );
        pmap.execute("forget", &brick).unwrap();
        assert!(pmap.execute("port", &brick).is_err());
    }

    #[test]
    fn an_unknown_verb_is_told_what_there_is() {
        assert!(pmap(&Dict::new()).execute("fly", &Dict::new()).unwrap_err().contains("reserve, release"));
    }
}
