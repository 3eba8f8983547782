//! The rebalance process of a volume.
