//! Says in every answer which build it is: a test makes other builds of it by changing the mark in its file.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// What a test looks for in the file.
static MARK: [u8; 24] = *b"mark-of-this-build:00000";

/// What it would leave behind if it were not freed.
const WEIGHT: usize = 1 << 20;

/// Passes on, and marks the answer.
#[derive(Debug, Default)]
struct Marked {
    weight: Vec<u8>,
}

/// What it keeps on each file.
struct Seen([u8; 4096]);

#[xlator("bench/marked", unknown_fops = "pass")]
impl Xlator for Marked {
    fn options() -> Options {
        Options::new().bool("fail", "does not start").default_value("off")
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.weight = vec![1; WEIGHT];
        if cx.bool("fail")? { Err(InitError("not today".to_owned())) } else { Ok(()) }
    }

    async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        if let Some(inode) = args.loc.inode.as_ref().into_option() {
            let seen = inode.object().ctx_or_insert_with(frame.key(), || Seen([1; 4096]));
            assert_eq!(
                usize::from(seen.0[0]) + self.weight.len(),
                1 + WEIGHT,
                "what another build left was taken for ours"
            );
        }
        let mut reply = frame.child().stat(args).await?;
        let mark = std::hint::black_box(&MARK);
        reply.xdata.set("mark", String::from_utf8_lossy(&mark[19..]).into_owned());
        Ok(reply)
    }
}
