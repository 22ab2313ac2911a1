//! Who is registered, who is connected, and what each announced.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use insitu_disclosure::{Dataset, DatasetName};
use insitu_proto::catalog::{decode_all, fingerprint};
use insitu_proto::greeting::LinkSecret;
use insitu_proto::{v1, version};
use tokio::sync::{oneshot, watch};

use super::{NodeChannel, NodeId};
use crate::catalog::{Announcement, Catalog};

/// A node that may connect.
#[derive(Clone)]
pub struct NodeRegistration {
    /// Its id.
    pub id: String,
    /// The department it belongs to.
    pub department: String,
    /// The secret of its link.
    pub secret: String,
    /// The datasets it may announce.
    pub datasets: Vec<DatasetName>,
    /// Where it listens, for a node that doesn't dial.
    pub address: Option<String>,
}

impl std::fmt::Debug for NodeRegistration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeRegistration({} of {})", self.id, self.department)
    }
}

#[derive(Debug)]
struct Known {
    registration: NodeRegistration,
    /// The link's; `None` where the registration has an empty one, with which nobody connects.
    secret: Option<LinkSecret>,
    link: Option<Link>,
    announced: Vec<(Arc<Dataset>, u64)>,
    /// Counts connections, so that the end of an old one doesn't remove a newer one.
    connection: u64,
    /// Of the secret that the node's noise is drawn with, as it said last.
    secret_fingerprint: Option<u64>,
}

/// A connection that is there.
#[derive(Debug)]
struct Link {
    channel: Arc<dyn NodeChannel>,
    /// Dropped with the link, which whoever attends to the connection waits for.
    _open: oneshot::Sender<()>,
}

/// A connection that was taken in.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Its number.
    pub(crate) number: u64,
    /// Resolves, with an error, when the directory has given the connection up.
    pub(crate) given_up: oneshot::Receiver<()>,
}

/// Why a connection wasn't taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// What it announced isn't valid, or isn't of a version this gateway knows.
    Invalid,
    /// Another connection of this id is there.
    AlreadyConnected,
}

#[derive(Debug)]
struct Nodes {
    by_id: BTreeMap<NodeId, Known>,
    /// Of their announcements. Made when one changes, not for each statement: it takes as long as there are nodes.
    catalog: Catalog,
}

impl Nodes {
    fn catalogue_anew(&mut self) {
        let announcements: Vec<Announcement> = self
            .by_id
            .iter()
            .map(|(id, known)| Announcement {
                node: id.clone(),
                department: known.registration.department.clone(),
                registered: known.registration.datasets.clone(),
                announced: known.announced.clone(),
                connected: known.link.is_some(),
            })
            .collect();
        self.catalog = Catalog::of(&announcements);
    }
}

/// All nodes, by id.
#[derive(Debug)]
pub struct Directory {
    nodes: RwLock<Nodes>,
    changed: watch::Sender<u64>,
}

impl Directory {
    /// Nodes that may connect; none has yet.
    #[must_use]
    pub fn new(registrations: Vec<NodeRegistration>) -> Self {
        let nodes = registrations.into_iter().map(|registration| {
            let id = NodeId(registration.id.clone());
            let known = Known {
                secret: LinkSecret::new(&registration.secret),
                registration,
                link: None,
                announced: Vec::new(),
                connection: 0,
                secret_fingerprint: None,
            };
            (id, known)
        });
        let nodes = Nodes { by_id: nodes.collect(), catalog: Catalog::default() };
        Self { nodes: RwLock::new(nodes), changed: watch::channel(0).0 }
    }

    /// The secret of the link to this node, if it may connect.
    pub(crate) fn secret_of(&self, id: &NodeId) -> Option<LinkSecret> {
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        nodes.by_id.get(id)?.secret.clone()
    }

    /// The registrations, in node order.
    pub(crate) fn registrations(&self) -> Vec<NodeRegistration> {
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        nodes.by_id.values().map(|k| k.registration.clone()).collect()
    }

    /// A node connected, and announced this. One that is connected isn't replaced: whoever lets the newcomer in makes
    /// sure first that the old connection is dead.
    ///
    /// # Errors
    /// Why it isn't taken in.
    pub(crate) fn connected(
        &self,
        id: &NodeId,
        channel: Arc<dyn NodeChannel>,
        announced: &v1::NodeCatalog,
    ) -> Result<Connection, NotTaken> {
        if announced.node != id.0
            || !(announced.version_min <= version::VERSION
                && version::VERSION <= announced.version_max)
        {
            return Err(NotTaken::Invalid);
        }
        let datasets = decode_all(announced).map_err(|_| NotTaken::Invalid)?;
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        let known = nodes.by_id.get_mut(id).ok_or(NotTaken::Invalid)?;
        if known.link.is_some() {
            return Err(NotTaken::AlreadyConnected);
        }
        for dataset in &datasets {
            if !known.registration.datasets.contains(&dataset.name) {
                tracing::warn!(node = %id, dataset = %dataset.name, "announced a dataset it isn't registered for; ignored");
            }
        }
        known.announced = datasets
            .into_iter()
            .map(|d| {
                let fingerprint = fingerprint(&d);
                (Arc::new(d), fingerprint)
            })
            .collect();
        if let Some(fingerprint) = announced.secret_fingerprint {
            let before = known.secret_fingerprint.replace(fingerprint);
            if before.is_some_and(|before| before != fingerprint) {
                tracing::warn!(
                    node = %id,
                    "draws its noise with another secret than before: old and new answers to a question can be averaged; \
                     was its state folder lost, or is it another node?"
                );
            }
        }
        let (open, given_up) = oneshot::channel();
        known.link = Some(Link { channel, _open: open });
        known.connection = known.connection.saturating_add(1);
        let number = known.connection;
        nodes.catalogue_anew();
        drop(nodes);
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
        Ok(Connection { number, given_up })
    }

    /// A connection ended.
    pub(crate) fn disconnected(&self, id: &NodeId, connection: u64) {
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = nodes.by_id.get_mut(id)
            && known.connection == connection
        {
            known.link = None;
            nodes.catalogue_anew();
        }
        drop(nodes);
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// A node's present connection, to find out whether it is alive.
    pub(crate) fn present(&self, id: &NodeId) -> Option<(u64, Arc<dyn NodeChannel>)> {
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        let known = nodes.by_id.get(id)?;
        Some((known.connection, Arc::clone(&known.link.as_ref()?.channel)))
    }

    /// The channel to a node, if it is connected.
    pub(crate) fn channel(&self, id: &NodeId) -> Option<Arc<dyn NodeChannel>> {
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        nodes.by_id.get(id).and_then(|k| k.link.as_ref().map(|link| Arc::clone(&link.channel)))
    }

    /// The catalogue of this moment. A dataset announced before stays known while its department is
    /// away, so that a question about it is told who is missing.
    #[must_use]
    pub fn catalog(&self) -> Catalog {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner).catalog.clone()
    }

    /// Departments that are connected, in node order, with the datasets they announced.
    #[must_use]
    pub fn connected_departments(&self) -> Vec<(String, Vec<Arc<Dataset>>)> {
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        let connected = nodes.by_id.values().filter(|k| k.link.is_some());
        connected
            .map(|k| {
                let datasets = k.announced.iter().map(|(d, _)| Arc::clone(d)).collect();
                (k.registration.department.clone(), datasets)
            })
            .collect()
    }

    /// Tells of every change.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
