//! The root: what stands above the tops of a graph, so that the host itself can wind to them.
use plugin_api::abi::root::{FopSlot, XlatorModuleRef};
use plugin_api::sdk::module::{XlatorInfo, xlator_module};
use plugin_api::{Declaration, UnknownFops, Xlator, positions};

/// The name of the root; it stands in no volfile, and a volume of the same name is found before it.
pub(crate) const NAME: &str = "host";

/// Winds the host's own calls, and lets events rise past the graph.
#[derive(Debug, Default)]
struct Root;

/// The functions of the root.
pub(crate) fn module() -> XlatorModuleRef {
    xlator_module::<Root>()
}

impl Xlator for Root {}

impl XlatorInfo for Root {
    const FOPS: &'static [FopSlot] = &[];

    fn declaration() -> Declaration {
        Declaration {
            type_name: "host/root".into(),
            doc: "the host itself".into(),
            options: Root::options(),
            positions: positions::ANY,
            unknown_fops: UnknownFops::PASS,
            ..Declaration::default()
        }
    }
}
