//! Warrants on their way through the server: looked at before a call is read, and shown again for what it asks.
//!
//! Whoever called is told that a call isn't answered, never why; the reason is in this node's log.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use insitu_proto::greeting::LinkKey;
use insitu_proto::reference::Header;
use insitu_proto::request::NodeRequest;
use insitu_proto::v1;
use insitu_proto::warrant::{Checker, METADATA, NotHandedOut, Opened, Unwarranted, Warranted};
use tonic::{Request, Status};

use crate::status::malformed;

/// The log tells of a refused call at most so often on a connection: whoever makes them up makes many.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Lets a call through only if the other end of this connection made its Warrant.
#[derive(Debug, Clone)]
pub(crate) struct WarrantCheck {
    checker: Arc<Checker>,
    told: Arc<Told>,
}

impl WarrantCheck {
    /// For a connection of this node with this key.
    pub(crate) fn new(node: &str, key: LinkKey) -> Self {
        let told = Told { node: node.to_owned(), last: Mutex::default() };
        Self { checker: Checker::new(key), told: Arc::new(told) }
    }
}

impl tonic::service::Interceptor for WarrantCheck {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let shown = request.metadata().get_bin(METADATA).and_then(|value| value.to_bytes().ok());
        let opened = self.checker.open(&shown.unwrap_or_default());
        let opened = opened.map_err(|why| self.told.refuse(why))?;
        request.extensions_mut().insert(Shown { opened, told: Arc::clone(&self.told) });
        Ok(request)
    }
}

/// A call's Warrant, made by the other end. What is asked comes out by it alone.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    opened: Opened,
    told: Arc<Told>,
}

impl Shown {
    /// The Warrant of a call.
    pub(crate) fn of<T>(request: &mut Request<T>) -> Result<Self, Status> {
        // It is there: no call comes past the check.
        request.extensions_mut().remove().ok_or_else(unwarranted)
    }

    /// The request in a ticket.
    pub(crate) fn request(self, ticket: &[u8]) -> Result<Warranted<NodeRequest>, Status> {
        self.opened.request(ticket).map_err(|why| match why {
            NotHandedOut::Unwarranted(why) => self.told.refuse(why),
            NotHandedOut::Malformed(_) => malformed(),
        })
    }

    /// The header in the command that a content begins with; `None` if it isn't one.
    pub(crate) fn header(self, command: &[u8]) -> Result<Option<Warranted<Header>>, Status> {
        match self.opened.header(command) {
            Ok(header) => Ok(Some(header)),
            Err(NotHandedOut::Unwarranted(why)) => Err(self.told.refuse(why)),
            Err(NotHandedOut::Malformed(_)) => Ok(None),
        }
    }

    /// The question what the node announces.
    pub(crate) fn describe(self) -> Result<Warranted<v1::DescribeRequest>, Status> {
        self.opened.describe().map_err(|why| self.told.refuse(why))
    }

    /// The question whether the node is alive.
    pub(crate) fn ping(self) -> Result<Warranted<v1::PingRequest>, Status> {
        self.opened.ping().map_err(|why| self.told.refuse(why))
    }
}

/// One status for every reason.
fn unwarranted() -> Status {
    Status::unauthenticated("the call has no Warrant that fits")
}

/// What the log was told of a connection.
#[derive(Debug)]
struct Told {
    node: String,
    /// When it was last told, and how many calls were refused since.
    last: Mutex<Option<(Instant, u64)>>,
}

impl Told {
    fn refuse(&self, why: Unwarranted) -> Status {
        if let Some(untold) = self.untold(Instant::now()) {
            tracing::warn!(
                node = self.node, reason = %why, untold,
            "refused a call without a Warrant that fits: somebody may sit in the connection to the gateway"
            );
        }
        unwarranted()
    }

    /// How many refused calls weren't told of, if it is time to tell.
    fn untold(&self, now: Instant) -> Option<u64> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, untold)) = &mut *last
            && now.saturating_duration_since(*at) < TOLD_EVERY
        {
            *untold = untold.saturating_add(1);
            return None;
        }
        let untold = last.replace((now, 0));
        Some(untold.map_or(0, |(_, untold)| untold))
    }
}

/// A call's Warrant for this, as it comes past the check.
#[cfg(test)]
pub(crate) fn shown_for(asked: &insitu_proto::warrant::Asked<'_>) -> Shown {
    use insitu_proto::greeting::{Challenge, Hello, LinkSecret};
    use insitu_proto::warrant::Issuer;
    use tonic::metadata::MetadataValue;
    use tonic::service::Interceptor as _;

    let secret = LinkSecret::new("secret of the tests").unwrap();
    let hello = Hello { node: "leeds".to_owned(), nonce: [1; 32] };
    let challenged = hello.challenge(&secret, [2; 32]);
    let sent = challenged.encode();
    let [nonce, proof] = [&sent[..32], &sent[32..]].map(|part| part.try_into().unwrap());
    let (proof, key) = hello.answer(&secret, &Challenge { nonce, proof }).unwrap();
    let issuer = Issuer::new(challenged.prove(&proof).unwrap());
    let mut request = Request::new(());
    let warrant = MetadataValue::from_bytes(&issuer.issue(asked));
    request.metadata_mut().insert_bin(METADATA, warrant);
    let mut request = WarrantCheck::new("leeds", key).call(request).unwrap();
    Shown::of(&mut request).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_told_at_most_every_ten_seconds_with_how_many_there_were() {
        let told = Told { node: "leeds".to_owned(), last: Mutex::default() };
        let start = Instant::now();
        let after = |seconds| told.untold(start + Duration::from_secs(seconds));
        assert_eq!(after(0), Some(0));
        for _ in 0..1_000 {
            assert_eq!(after(9), None);
        }
        assert_eq!(after(10), Some(1_000));
        assert_eq!(after(19), None);
        assert_eq!(after(20), Some(1));
    }
}
