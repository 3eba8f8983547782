//! What all open directories share.

use crate::changes::Changes;
use crate::held::Held;

/// See above.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) changes: Changes,
    pub(crate) held: Held,
}
