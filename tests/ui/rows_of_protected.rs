//! INVARIANT(AI-4): a dataset that wasn't found to be open has no rows to send.

use std::sync::Arc;

use insitu_disclosure::{Dataset, OpenDataset};

fn dataset() -> Arc<Dataset> {
    unimplemented!()
}

fn main() {
    let _open = OpenDataset(dataset());
}
