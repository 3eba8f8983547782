//! The `#[xlator]` attribute.
