//! Harness: starts hosts in private places and waits for conditions.
