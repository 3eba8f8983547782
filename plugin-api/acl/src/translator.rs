//! The translator that both plugins are.

/// Declares the plugin of a translator that enforces access: its volfile type, where it may stand, what it does.
///
/// Expects a module `options` with a function `declare` beside it.
#[macro_export]
macro_rules! enforcer {
    ($type:tt, $positions:tt, $doc:tt) => {
        $crate::enforcer! {
            @ $type, $positions, $doc;
            lookup Lookup Looked;
            stat Stat Attr;
            access Access Done;
            open Open Opened;
            opendir Opendir Opened;
            truncate Truncate PrePost;
            create Create Created;
            mknod Mknod Made;
            mkdir Mkdir Made;
            put Put Made;
            symlink Symlink Made;
            link Link Made;
            unlink Unlink Removed;
            rmdir Rmdir Removed;
            rename Rename Renamed;
            setattr Setattr PrePost;
            fsetattr Fsetattr PrePost;
            setxattr Setxattr Done;
            fsetxattr Fsetxattr Done;
            removexattr Removexattr Done;
            fremovexattr Fremovexattr Done;
            getxattr Getxattr Xattrs;
        }
    };
    (@ $type:tt, $positions:tt, $doc:tt; $($name:ident $args:ident $reply:ident;)*) => {
        #[doc = $doc]
        #[derive(Debug, Default)]
        pub struct Translator {
            rules: $crate::Enforcer,
        }

        #[::plugin_api::xlator($type, positions = $positions, unknown_fops = "pass", doc = $doc)]
        impl ::plugin_api::Xlator for Translator {
            fn options() -> ::plugin_api::options::Options {
                options::declare()
            }

            fn init(&mut self, cx: &::plugin_api::InitCx<'_>) -> Result<(), ::plugin_api::InitError> {
                self.rules = $crate::Enforcer::new(cx)?;
                Ok(())
            }

            $(
                fn $name(
                    &self,
                    frame: &::plugin_api::Frame,
                    args: ::plugin_api::fop::$args,
                ) -> impl ::std::future::Future<Output = ::plugin_api::fop::FopResult<::plugin_api::fop::$reply>> + Send
                {
                    self.rules.$name(frame, args)
                }
            )*
        }
    };
}
