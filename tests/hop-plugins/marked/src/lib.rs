//! Says in every answer which build it is: a test makes other builds of it by changing the mark in its file.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

/// What a test looks for in the file.
static MARK: [u8; 24] = *b"mark-of-this-build:00000";

/// What it would leave behind if it were not freed.
const WEIGHT: usize = 1 << 20;

/// What asks for the mark by name, through any client.
const ASK: &[u8] = b"user.mark";

/// Passes on, and marks the answer.
#[derive(Debug, Default)]
struct Marked {
    weight: Vec<u8>,
}

/// What it keeps on each file.
struct Seen([u8; 4096]);

impl Marked {
    fn look_at(&self, frame: &Frame, inode: &Inode) {
        let seen = inode.object().ctx_or_insert_with(frame.key(), || Seen([1; 4096]));
        assert_eq!(
            usize::from(seen.0[0]) + self.weight.len(),
            1 + WEIGHT,
            "what another build left was taken for ours"
        );
    }
}

fn mark() -> String {
    String::from_utf8_lossy(&std::hint::black_box(&MARK)[19..]).into_owned()
}

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
            self.look_at(frame, inode);
        }
        let mut reply = frame.child().stat(args).await?;
        reply.xdata.set("mark", mark());
        Ok(reply)
    }

    async fn getxattr(&self, frame: &Frame, args: Getxattr) -> FopResult<Xattrs> {
        if args.name[..] != *ASK {
            return frame.child().getxattr(args).await;
        }
        let xattrs = Dict::new().with("user.mark", Value::bytes(mark().into_bytes()));
        Ok(Xattrs { xattrs, xdata: Dict::new() })
    }

    async fn readv(&self, frame: &Frame, args: Readv) -> FopResult<Data> {
        self.look_at(frame, args.fd.inode());
        frame.child().readv(args).await
    }

    async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        self.look_at(frame, args.fd.inode());
        frame.child().writev(args).await
    }

    async fn fsync(&self, frame: &Frame, args: Fsync) -> FopResult<PrePost> {
        self.look_at(frame, args.fd.inode());
        frame.child().fsync(args).await
    }

    async fn lk(&self, frame: &Frame, args: Lk) -> FopResult<Locked> {
        self.look_at(frame, args.fd.inode());
        frame.child().lk(args).await
    }
}
