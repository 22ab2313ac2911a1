//! INVARIANT(AI-2): a batch that no rule has seen can't be encoded.

use insitu_proto::frames::encode_protected;
use insitu_proto::request::QueryId;

fn main() {
    let batch = arrow_array::RecordBatch::new_empty(std::sync::Arc::new(arrow_schema::Schema::empty()));
    let _ = encode_protected(QueryId([0; 16]), &batch);
}
