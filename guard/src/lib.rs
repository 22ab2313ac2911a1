//! The durable memory of a node or gateway, and that it isn't lost unnoticed.
//!
//! 1. [`StateFolder`]: what is kept from run to run; `manifest`: what it should hold; [`StateError`]:
//!    why it isn't used; [`terms`]: on which terms it was written.
//! 2. [`AnchorStore`]: one dataset's releases, in one file.
//!    `conditions`: the conditions charged to its budget, in another.
//! 3. [`Guards`]: a node's or a gateway's, each dataset's files opened when they are first needed.
//! 4. [`reset`]: accepting a loss; `private`: files for their owner alone.

mod conditions;
mod error;
mod folder;
mod guards;
pub mod manifest;
mod private;
pub mod reset;
mod store;
pub mod terms;

pub use error::StateError;
pub use folder::{DrawSecret, Owner, Secret, StateFolder};
pub use guards::{ANCHORS_MAX, Guards};
pub use store::AnchorStore;
pub use terms::{Terms, TermsChange};
