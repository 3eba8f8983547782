//! A translator that wakes what it has given up: it costs a poll at most.

use tests::wait::wait_until;

use crate::rig::Chain;

#[test]
fn a_waker_that_is_woken_after_it_was_given_up_harms_nobody() {
    let chain = Chain::new(&["bench/leaf", "bad/late-waker", "performance/io-threads"]);
    let load = chain.load(8);
    wait_until("calls under stale wakers", || load.answered() > 20_000);
    load.end();
    assert!(chain.faults().is_empty(), "{:?}", chain.faults());
}
