//! INVARIANT(AI-2): a table can't be declared protected.

use insitu_disclosure::Protected;

fn main() {
    let batch = arrow_array::RecordBatch::new_empty(std::sync::Arc::new(arrow_schema::Schema::empty()));
    let _forged = Protected(vec![batch]);
}
