//! Record marks: a stream is cut into the same messages in one piece and in small ones.
#![no_main]

use gluster_xdr::record::Assembler;
use libfuzzer_sys::fuzz_target;

/// Small, so that a stream of a few bytes can pass it.
const LIMIT: usize = 4096;

fn assemble<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, bool) {
    let (mut records, mut messages) = (Assembler::new(LIMIT), Vec::new());
    for piece in pieces {
        records.push(piece);
        loop {
            match records.next_record() {
                Ok(Some(message)) => messages.push(message.to_vec()),
                Ok(None) => break,
                Err(_) => return (messages, true),
            }
        }
    }
    (messages, false)
}

fuzz_target!(|data: &[u8]| {
    let Some((step, stream)) = data.split_first() else { return };
    let whole = assemble(std::iter::once(stream));
    assert!(whole.0.iter().all(|message| message.len() <= LIMIT));
    assert_eq!(assemble(stream.chunks(usize::from(*step).max(1))), whole);
});
