//! Conversations of the incumbent, field by field: our messages read every one and give the same bytes back.

use gluster_xdr::cli::CliProc;
use gluster_xdr::{Xdr, cli, decode, dump, encode, handshake, mgmt, peer, pmap};
use plugin_api::IoBuf;

/// One message: what it is, and its body put together again from the fields in the text.
#[derive(Debug, Default)]
struct Captured {
    what: String,
    reply: bool,
    len: usize,
    body: Vec<u8>,
    /// The text shows every byte.
    complete: bool,
    dict_len: usize,
}

#[test]
fn every_captured_message_is_read_and_written_back_byte_for_byte() {
    let mut checked = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures")).unwrap() {
        let path = entry.unwrap().path();
        for message in parse(&std::fs::read_to_string(&path).unwrap()) {
            if message.complete && round_trip(&message) {
                checked += 1;
            }
        }
    }
    assert!(checked > 170, "only {checked} messages");
}

type Check = fn(&Captured);

fn round_trip(message: &Captured) -> bool {
    assert_eq!(message.body.len(), message.len, "{message:?}");
    let (request, reply): (Check, Check) = match message.what.as_str() {
        "CLI 2 3" => (same::<cli::ListFriendsReq>, same::<cli::ListFriendsRsp>),
        "CLI 2 26" => (same::<cli::GetwdReq>, same::<cli::GetwdRsp>),
        what if what.starts_with("CLI 2 ") => {
            let number = what["CLI 2 ".len()..].parse().ok();
            assert!(number.and_then(CliProc::from_number).is_some(), "{what}");
            (same::<cli::CliReq>, same::<cli::CliRsp>)
        }
        "HNDSK 2 2" => (same::<handshake::GetspecReq>, same::<handshake::GetspecRsp>),
        "PMAP 1 1" => (same::<pmap::PortByBrickReq>, same::<pmap::PortByBrickRsp>),
        "MGMT 2 3" => (same::<mgmt::OpReq>, same::<mgmt::CheckRsp>),
        "MGMT 2 4" => (same::<mgmt::OpReq>, same::<mgmt::CommitRsp>),
        "MGMT 3 1" | "MGMT 3 6" => (same::<mgmt::LockReq>, same::<mgmt::LockRsp>),
        "MGMT 3 2" | "MGMT 3 3" => (same::<mgmt::OpReq>, same::<mgmt::CheckRsp>),
        "MGMT 3 4" | "MGMT 3 7" => (same::<mgmt::OpReq>, same::<mgmt::CommitRsp>),
        "MGMT 3 5" => (same::<mgmt::PostValidateReq>, same::<mgmt::CheckRsp>),
        "MGMTHNDSK 1 1" | "MGMTHNDSK 1 2" => (same::<peer::MgmtHandshakeReq>, same::<peer::MgmtHandshakeRsp>),
        "FRIEND 2 1" => (same::<peer::ProbeReq>, same::<peer::ProbeRsp>),
        "FRIEND 2 2" => (same::<peer::FriendAddReq>, same::<peer::FriendAddRsp>),
        "FRIEND 2 4" => (same::<peer::FriendUpdateReq>, same::<peer::FriendUpdateRsp>),
        "DUMP 1 1" => (same::<dump::DumpReq>, same::<dump::DumpRsp>),
        _ => return false,
    };
    if message.reply {
        reply(message)
    } else {
        request(message)
    }
    true
}

/// Dicts come out reversed, so it takes two rounds to see the same bytes.
fn same<T: Xdr>(message: &Captured) {
    let read = |bytes: &[u8]| {
        decode::<T>(&IoBuf::copy_from_slice(bytes)).unwrap_or_else(|e| panic!("{e}: {message:?}"))
    };
    let once = encode(&read(&message.body));
    assert_eq!(encode(&read(&once)), message.body, "{message:?}");
}

fn parse(text: &str) -> Vec<Captured> {
    let mut messages: Vec<Captured> = Vec::new();
    for line in text.lines() {
        if let Some(message) = head(line) {
            finish(&mut messages);
            messages.push(message);
        } else if let Some(mut message) = messages.pop() {
            if field(&mut message, line).is_none() && line.starts_with("      ") && !line.contains(" cred ") {
                message.complete = false;
            }
            messages.push(message);
        }
    }
    finish(&mut messages);
    messages
}

fn finish(messages: &mut [Captured]) {
    if let Some(last) = messages.last_mut() {
        *last = pad_dict(std::mem::take(last));
    }
}

fn head(line: &str) -> Option<Captured> {
    let reply = line.contains(" REPLY xid=");
    let len = line.rsplit_once(" body=")?.1.parse().ok()?;
    let what = if reply {
        line.split_once('(')?.1.split_once(')')?.0.replace(['\'', ','], "")
    } else {
        let words: Vec<_> = line.split_once(" CALL xid=")?.1.split_whitespace().collect();
        format!("{} {} {}", words[1], words[2].trim_start_matches('v'), words[4])
    };
    Some(Captured { what, reply, len, complete: true, ..Captured::default() })
}

/// Adds the bytes of one field; dicts end where the next field begins.
fn field(message: &mut Captured, line: &str) -> Option<()> {
    let line = line.strip_prefix("      ")?;
    if let Some(pair) = line.strip_prefix("  ") {
        let (key, value) = pair.split_once(" = ")?;
        let value = pair_value(value)?;
        for len in [key.len(), value.len()] {
            message.body.extend(u32::try_from(len).ok()?.to_be_bytes());
        }
        message.body.extend(key.as_bytes());
        message.body.push(0);
        message.body.extend(value);
        return Some(());
    }
    *message = pad_dict(std::mem::take(message));
    let (kind, value) = line.split_once(' ').unwrap_or((line, ""));
    match kind {
        "int" => message.body.extend(value.parse::<i32>().ok()?.to_be_bytes()),
        "uint" => message.body.extend(value.parse::<u32>().ok()?.to_be_bytes()),
        "uuid" => hex(value)?.iter().for_each(|byte| message.body.extend([0, 0, 0, *byte])),
        "str" => {
            let bytes = unescape(value.strip_prefix('b')?)?;
            message.body.extend(u32::try_from(bytes.len()).ok()?.to_be_bytes());
            message.body.extend(&bytes);
            message.body.resize(message.body.len().next_multiple_of(4), 0);
        }
        "(empty," => message.body.extend([0; 4]),
        "dict" => {
            let (count, len) = value.strip_prefix("n=")?.split_once(" bytes=")?;
            message.dict_len = len.parse().ok()?;
            message.body.extend(u32::try_from(message.dict_len).ok()?.to_be_bytes());
            message.body.extend(count.parse::<u32>().ok()?.to_be_bytes());
        }
        _ => return None,
    }
    Some(())
}

fn pad_dict(mut message: Captured) -> Captured {
    if std::mem::take(&mut message.dict_len) > 0 {
        message.body.resize(message.body.len().next_multiple_of(4), 0);
    }
    message
}

fn pair_value(text: &str) -> Option<Vec<u8>> {
    let (kind, value) = text.split_once(' ')?;
    let bytes = match kind.split_at(1).0 {
        "s" => [unescape(value)?, vec![0]].concat(),
        "b" => unescape(value.strip_suffix(" (no NUL)")?)?,
        "x" => hex(value)?,
        _ => return None,
    };
    (bytes.len() == kind[1..].parse().ok()?).then_some(bytes)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// The bytes of a quoted text, as Python shows it.
fn unescape(quoted: &str) -> Option<Vec<u8>> {
    let quote = quoted.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut rest = quoted.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut bytes = Vec::new();
    while let Some((before, escape)) = rest.split_once('\\') {
        bytes.extend(before.as_bytes());
        let taken = match escape.as_bytes().first()? {
            b'n' => (b'\n', 1),
            b't' => (b'\t', 1),
            b'x' => (u8::from_str_radix(escape.get(1..3)?, 16).ok()?, 3),
            other => (*other, 1),
        };
        bytes.push(taken.0);
        rest = &escape[taken.1..];
    }
    bytes.extend(rest.as_bytes());
    Some(bytes)
}
