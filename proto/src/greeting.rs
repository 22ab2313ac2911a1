//! How a node and a gateway meet: each proves that it knows the link's secret, and neither says it.
//!
//! ```text
//! node                                                   gateway
//!  | ---- length (4 bytes), Hello: version, id, nonce ----> |   whoever dialled; within 5 seconds
//!  | <------------ 32 bytes nonce, 32 bytes proof --------- |   to an unknown id too, under a key that nobody has
//!  | --------------------- 32 bytes proof ----------------> |   only to a gateway that has proven itself
//!  | <------------ one byte, 1 = welcome ------------------ |   2 = a node of this id is connected, and answers
//!  | <================ HTTP/2, gateway asks ==============> |   a Warrant with each call
//! ```
//!
//! A proof is an HMAC-SHA256 (RFC 2104) under the secret, over who proves and all that was said before. So is the key of
//! the connection, which Warrants are made with ([`crate::warrant`]): both nonces are drawn anew, so that no two
//! connections have the same one, and nobody has to remember what was asked on another, before a restart or after it.
//!
//! Whoever greets in a node's name, or is dialled in its place, gets a proof that a guess of the secret can be tried on.
//! A secret of 16 random characters isn't guessed.

use hmac::{Hmac, Mac as _};
use prost::Message as _;
use sha2::Sha256;

use crate::{Malformed, decode_exactly, v1};

/// The version of the greeting. Up to 2 it was that of requests, and the secret was in the greeting.
pub const VERSION: u32 = 3;
/// The longest Hello, in bytes.
pub const HELLO_BYTES_MAX: usize = 1024;
/// The byte that says welcome.
pub const WELCOME: u8 = 1;
/// The byte that says that another node of this id is connected and answers.
pub const ALREADY_CONNECTED: u8 = 2;

/// Random bytes that each side draws for each connection.
pub type Nonce = [u8; 32];
/// What shows that a side knows the secret.
pub type Proof = [u8; 32];

/// HMAC-SHA256.
pub(crate) type Mac = Hmac<Sha256>;

/// The secret of a link, ready to be used; it has no printed form.
#[derive(Clone)]
pub struct LinkSecret(Mac);

impl LinkSecret {
    /// The secret with this text; `None` for an empty one, which proves nothing.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        // HMAC takes keys of any length.
        let mac = Mac::new_from_slice(text.as_bytes()).ok()?;
        (!text.is_empty()).then_some(Self(mac))
    }

    /// In the place of a secret that there isn't: with random bytes nobody knows it.
    #[must_use]
    pub fn stand_in(random: Nonce) -> Self {
        Self(keyed(&random))
    }

    fn mac(&self, purpose: &str, said: &[u8]) -> Mac {
        let mut mac = self.0.clone();
        absorb(&mut mac, purpose.as_bytes());
        absorb(&mut mac, said);
        mac
    }
}

impl std::fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkSecret(not shown)")
    }
}

/// The key of one connection, known to its two ends; it has no printed form.
#[derive(Clone)]
pub struct LinkKey(Mac);

impl LinkKey {
    pub(crate) fn mac(&self) -> Mac {
        self.0.clone()
    }
}

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKey(not shown)")
    }
}

/// HMAC under a short key: filled up with zeros to a block, as HMAC itself does.
fn keyed(bytes: &[u8; 32]) -> Mac {
    let mut block = hmac::digest::Key::<Mac>::default();
    block.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    <Mac as hmac::digest::KeyInit>::new(&block)
}

/// Its length first, so that no byte can move from one part to the next unnoticed.
fn absorb(mac: &mut Mac, part: &[u8]) {
    mac.update(&(part.len() as u64).to_be_bytes());
    mac.update(part);
}

/// The other side doesn't know the secret of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other side doesn't know the secret of the link")]
pub struct NotProven;

/// Why bytes aren't the greeting of a node. It never quotes them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAHello {
    /// Of a node of this version.
    #[error("a greeting of version {0}, where this build has version {VERSION}")]
    OtherVersion(u32),
    /// No greeting.
    #[error("not a greeting: {0}")]
    Malformed(#[from] Malformed),
}

/// What a node says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The node's id.
    pub node: String,
    /// Drawn by the node.
    pub nonce: Nonce,
}

impl Hello {
    /// The greeting with its length before it, as it is sent.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let hello =
            v1::Hello { version: VERSION, node: self.node.clone(), nonce: self.nonce.to_vec() };
        let hello = hello.encode_to_vec();
        let length = u32::try_from(hello.len()).unwrap_or(u32::MAX);
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(hello);
        bytes
    }

    /// A greeting, without its length.
    ///
    /// # Errors
    /// Bytes that aren't a greeting of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotAHello> {
        if bytes.len() > HELLO_BYTES_MAX {
            return Err(Malformed::TooLong(HELLO_BYTES_MAX).into());
        }
        // The version first: what else is in another version's greeting isn't known here.
        let version = v1::Hello::decode(bytes).map_err(|_| Malformed::NotAMessage)?.version;
        if version != VERSION {
            return Err(NotAHello::OtherVersion(version));
        }
        let v1::Hello { version: _, node, nonce } = decode_exactly(bytes)?;
        let nonce = nonce.try_into().map_err(|_| Malformed::Field("nonce"))?;
        Ok(Self { node, nonce })
    }

    /// All that both sides said.
    fn said(&self, gateway: &Nonce) -> Vec<u8> {
        let length = u32::try_from(self.node.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&VERSION.to_be_bytes()[..], &length, self.node.as_bytes(), &self.nonce, gateway].concat()
    }

    /// What a gateway answers, with a nonce that it drew.
    #[must_use]
    pub fn challenge(&self, secret: &LinkSecret, nonce: Nonce) -> Challenged {
        let said = self.said(&nonce);
        Challenged {
            challenge: Challenge { nonce, proof: finish(secret.mac(GATEWAY, &said)) },
            expected: secret.mac(NODE, &said),
            key: key(secret, &said),
        }
    }

    /// What a node answers to a gateway that knows the secret, and the connection's key.
    ///
    /// # Errors
    /// A gateway that doesn't know it, which isn't answered.
    pub fn answer(
        &self,
        secret: &LinkSecret,
        challenge: &Challenge,
    ) -> Result<(Proof, LinkKey), NotProven> {
        let said = self.said(&challenge.nonce);
        secret.mac(GATEWAY, &said).verify_slice(&challenge.proof).map_err(|_| NotProven)?;
        Ok((finish(secret.mac(NODE, &said)), key(secret, &said)))
    }
}

/// Who proves, and what a key is for: each is an HMAC of its own.
const GATEWAY: &str = "insitu gateway";
const NODE: &str = "insitu node";
const WARRANT: &str = "insitu warrant";

fn finish(mac: Mac) -> [u8; 32] {
    mac.finalize().into_bytes().into()
}

fn key(secret: &LinkSecret, said: &[u8]) -> LinkKey {
    LinkKey(keyed(&finish(secret.mac(WARRANT, said))))
}

/// What a gateway says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge {
    /// Drawn by the gateway.
    pub nonce: Nonce,
    /// That the gateway knows the secret.
    pub proof: Proof,
}

/// A gateway that waits for the node's proof.
#[derive(Debug)]
pub struct Challenged {
    challenge: Challenge,
    expected: Mac,
    key: LinkKey,
}

impl Challenged {
    /// The answer as it is sent: the nonce, then the proof.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [self.challenge.nonce, self.challenge.proof].concat()
    }

    /// The connection's key, if the node knows the secret. The comparison takes the same time whatever differs.
    ///
    /// # Errors
    /// A node that doesn't know it.
    pub fn prove(self, proof: &Proof) -> Result<LinkKey, NotProven> {
        self.expected.verify_slice(proof).map_err(|_| NotProven)?;
        Ok(self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> LinkSecret {
        LinkSecret::new(text).unwrap()
    }

    fn hello() -> Hello {
        Hello { node: "leeds-1".to_owned(), nonce: [1; 32] }
    }

    /// What a key makes of nothing: two keys are the same if this is.
    fn made_by(key: &LinkKey) -> [u8; 32] {
        finish(key.mac())
    }

    /// The whole greeting; the keys of node and gateway.
    fn meet(
        node: (&str, &Hello),
        gateway: &str,
        change: impl Fn(&mut Challenge, &mut Proof),
    ) -> Result<[LinkKey; 2], NotProven> {
        let sent = Hello::decode(&node.1.encode()[4..]).unwrap();
        let challenged = sent.challenge(&secret(gateway), [2; 32]);
        let mut challenge = challenged.challenge;
        change(&mut challenge, &mut [0; 32]);
        let (mut proof, at_node) = node.1.answer(&secret(node.0), &challenge)?;
        change(&mut challenge, &mut proof);
        Ok([at_node, challenged.prove(&proof)?])
    }

    #[test]
    fn who_knows_the_secret_meets_and_both_have_one_key() {
        let keys = meet(("a secret", &hello()), "a secret", |_, _| {}).unwrap();
        assert_eq!(made_by(&keys[0]), made_by(&keys[1]));
    }

    #[test]
    fn another_secret_is_noticed_by_the_node_before_it_proves_anything() {
        for other in ["a secre", "a secret ", "another"] {
            assert_eq!(meet(("a secret", &hello()), other, |_, _| {}).unwrap_err(), NotProven);
        }
        assert!(LinkSecret::new("").is_none());
        let stranger = hello().challenge(&LinkSecret::stand_in([3; 32]), [2; 32]);
        assert!(hello().answer(&secret("a secret"), &stranger.challenge).is_err());
    }

    #[test]
    fn each_nonce_and_the_id_make_another_key() {
        let secret = secret("a secret");
        let of = |node: &str, nonce: Nonce, gateway: Nonce| {
            let hello = Hello { node: node.to_owned(), nonce };
            let challenged = hello.challenge(&secret, gateway);
            (made_by(&challenged.key), challenged.challenge.proof)
        };
        let (key, proof) = of("leeds-1", [1; 32], [2; 32]);
        for other in [
            of("leeds-2", [1; 32], [2; 32]),
            of("leeds-1", [3; 32], [2; 32]),
            of("leeds-1", [1; 32], [3; 32]),
            of("leeds-1", [2; 32], [1; 32]),
        ] {
            assert!(other.0 != key && other.1 != proof);
        }
        assert_ne!(key, proof, "what is said isn't the key");
    }

    #[test]
    fn a_gateways_proof_is_no_nodes_proof() {
        let secret = secret("a secret");
        let challenged = hello().challenge(&secret, [2; 32]);
        // A stranger sends back what it was sent.
        let reflected = challenged.challenge.proof;
        assert!(challenged.prove(&reflected).is_err());
    }

    #[test]
    fn a_bit_changed_anywhere_ends_it() {
        for bit in 0..256 {
            let flip = |bytes: &mut [u8; 32]| bytes[bit / 8] ^= 1 << (bit % 8);
            let greeting = ("a secret", &hello());
            assert!(meet(greeting, "a secret", |c, _| flip(&mut c.nonce)).is_err());
            assert!(meet(greeting, "a secret", |c, _| flip(&mut c.proof)).is_err());
            assert!(meet(greeting, "a secret", |_, p| flip(p)).is_err());
        }
        // Of the Hello: it is no greeting any more, or both sides have heard different ones.
        let bytes = hello().encode()[4..].to_vec();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let Ok(heard) = Hello::decode(&changed) else { continue };
            let challenged = heard.challenge(&secret("a secret"), [2; 32]);
            assert!(hello().answer(&secret("a secret"), &challenged.challenge).is_err());
        }
    }

    #[test]
    fn what_is_no_hello_of_this_version_is_told_apart() {
        let message =
            |version, nonce: &[u8]| v1::Hello { version, node: "a".into(), nonce: nonce.into() };
        let decode = |message: v1::Hello| Hello::decode(&message.encode_to_vec());
        assert!(decode(message(VERSION, &[1; 32])).is_ok());
        for version in [0, 2, 4] {
            assert_eq!(decode(message(version, &[1; 32])), Err(NotAHello::OtherVersion(version)));
        }
        for nonce in [&[][..], &[1; 31], &[1; 33]] {
            let refused = decode(message(VERSION, nonce));
            assert_eq!(refused, Err(Malformed::Field("nonce").into()));
        }
        // The greeting before this one: version 2, an id, and the secret in the third field.
        let before = [&[8, 2, 18, 1, b'a', 26, 6][..], b"secret"].concat();
        let told = Hello::decode(&before).unwrap_err();
        assert_eq!(told, NotAHello::OtherVersion(2));
        assert!(!told.to_string().contains("secret"));
        let mut more = message(VERSION, &[1; 32]).encode_to_vec();
        more.extend([26, 1, b's']);
        assert_eq!(Hello::decode(&more), Err(Malformed::Unknown.into()));
        let long = message(VERSION, &[1; HELLO_BYTES_MAX]).encode_to_vec();
        assert_eq!(Hello::decode(&long), Err(Malformed::TooLong(HELLO_BYTES_MAX).into()));
        assert!(Hello::decode(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").is_err());
    }

    /// HMAC-SHA256 of RFC 4231, test case 2: the key shorter than a block is filled up as HMAC does.
    #[test]
    fn the_key_of_a_connection_is_used_as_hmac_says() {
        let mut short = [0_u8; 32];
        short[..4].copy_from_slice(b"Jefe");
        let mut mac = keyed(&short);
        mac.update(b"what do ya want for nothing?");
        let hex: String = finish(mac).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn nothing_secret_is_printed() {
        let [key, _] = meet(("a secret", &hello()), "a secret", |_, _| {}).unwrap();
        let printed = format!("{:?} {key:?}", secret("a secret"));
        assert_eq!(printed, "LinkSecret(not shown) LinkKey(not shown)");
        let waiting = format!("{:?}", hello().challenge(&secret("a secret"), [2; 32]));
        assert!(!waiting.contains("a secret"), "{waiting}");
    }
}
