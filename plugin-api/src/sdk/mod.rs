//! What makes the line comfortable: the `#[xlator]` glue, options, the panic barrier, the host's services.

pub(crate) mod bufpool;
