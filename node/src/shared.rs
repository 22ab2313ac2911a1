//! A node as the services hold it.
//!
//! For each RPC of a service the compiler has to prove that everything the service holds may be shared between threads.
//! For a [`Node`], which holds an engine, that takes it seconds for each of a dozen RPCs; behind a trait object the
//! proof is in the name.

use std::fmt::Debug;
use std::sync::Arc;

use crate::node::Node;

/// A node, shared between threads.
#[derive(Debug, Clone)]
pub(crate) struct SharedNode(Arc<dyn HoldsNode>);

trait HoldsNode: Debug + Send + Sync {
    fn node(&self) -> &Node;
}

impl HoldsNode for Node {
    fn node(&self) -> &Node {
        self
    }
}

impl SharedNode {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self(node)
    }

    pub(crate) fn get(&self) -> &Node {
        self.0.node()
    }
}
