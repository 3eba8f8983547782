//! `mgmt/glusterd`.
