//! Both forms of a dict; the first byte chooses.
#![no_main]

use gluster_xdr::gfx::Typed;
use gluster_xdr::{Codec, Reader, Writer, dict};
use guided::chosen;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((form, bytes)) = chosen(data) else { return };
    if form % 2 == 0 {
        let Ok(read) = dict::decode(&bytes) else { return };
        let again = dict::decode(&dict::encode(&read).into()).expect("what was written is read");
        assert_eq!(again.len(), read.len());
    } else {
        let Ok(read) = Typed::get(&mut Reader::new(&bytes)) else { return };
        let mut writer = Writer::default();
        Typed::put(&read, &mut writer);
        let written = writer.into_bytes().into();
        let again = Typed::get(&mut Reader::new(&written)).expect("what was written is read");
        assert_eq!(again.len(), read.len());
    }
});
