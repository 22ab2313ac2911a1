//! INVARIANT(AI-3): Evidence of a question that wasn't admitted can't be protected.

use insitu_disclosure::{Evidence, Tabulation, protect};

fn question() -> Tabulation {
    unimplemented!()
}

fn main() {
    let _ = protect(&question(), Evidence::default());
}
