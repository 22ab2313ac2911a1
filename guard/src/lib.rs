//! The durable memory of what was released.
//!
//! 1. [`AnchorStore`]: one dataset's releases, in one file.
//! 2. [`Guards`]: a node's or a gateway's, each dataset's file opened when it is first needed.

mod guards;
mod store;

pub use guards::{FolderError, Guards};
pub use store::AnchorStore;
