//! How many clients of each kind a volume has.

use crate::facts::Facts;

/// The kinds in a table, then the sum.
pub(super) fn text(facts: &Facts<'_>) -> String {
    let mut out = format!("Client connections for volume {}\n", facts.str("volname"));
    let mut total = 0;
    if facts.has("client-count") {
        out += &format!("{:<48} {:>15}\n{:<48} {:>15}\n", "Name", "count", "-----", "------");
    }
    for number in 0..facts.count("client-count") {
        let name = facts.str(&format!("client{number}.name"));
        let count = facts.int(&format!("{name}-count"));
        total += count;
        out += &format!("{name:<48} {count:>15}\n");
    }
    out + &format!("\ntotal clients for volume {} : {total} \n{}\n\n", facts.str("volname"), "-".repeat(65))
}
