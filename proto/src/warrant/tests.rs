//! Warrants as they are made, and everything else that may be shown in their place.

use insitu_disclosure::DatasetName;
use insitu_disclosure::reference::Editions;
use proptest::prelude::*;

use super::*;
use crate::greeting::{Hello, LinkSecret};
use crate::request::{OpenRows, Question};

const ID: QueryId = QueryId([7; 16]);

/// The two ends of a connection, with nonces of these bytes.
fn ends(nonce: u8) -> (Issuer, Arc<Checker>) {
    let secret = LinkSecret::new("secret of a link").unwrap();
    let hello = Hello { node: "leeds".to_owned(), nonce: [nonce; 32] };
    let challenged = hello.challenge(&secret, [nonce; 32]);
    let sent = challenged.encode();
    let challenge = crate::greeting::Challenge {
        nonce: sent[..32].try_into().unwrap(),
        proof: sent[32..].try_into().unwrap(),
    };
    let (proof, at_node) = hello.answer(&secret, &challenge).unwrap();
    (Issuer::new(challenged.prove(&proof).unwrap()), Checker::new(at_node))
}

/// Rows of this dataset, asked for in a query.
fn ticket(query_id: QueryId, dataset: &str) -> Vec<u8> {
    let rows = OpenRows {
        dataset: DatasetName::parse(dataset).unwrap(),
        fingerprint: 1,
        columns: vec!["area".to_owned()],
        predicate: None,
        limit: None,
    };
    let question = Question::OpenRows(rows);
    NodeRequest { query_id, time_ms_max: 5, question, editions: Editions::new() }.encode().unwrap()
}

const fn get(ticket: &[u8]) -> Asked<'_> {
    Asked::Get { query_id: ID, ticket }
}

/// What becomes of a `DoGet`.
fn ask(checker: &Arc<Checker>, shown: &[u8], ticket: &[u8]) -> Result<NodeRequest, NotHandedOut> {
    Ok(checker.open(shown)?.request(ticket)?.into_inner())
}

fn refused(why: Unwarranted) -> Result<NodeRequest, NotHandedOut> {
    Err(NotHandedOut::Unwarranted(why))
}

#[test]
fn what_is_asked_is_handed_out_once() {
    let (issuer, checker) = ends(1);
    let ticket = ticket(ID, "a.b");
    for _ in 0..3 {
        let shown = issuer.issue(&get(&ticket));
        assert_eq!(ask(&checker, &shown, &ticket), Ok(NodeRequest::decode(&ticket).unwrap()));
        assert_eq!(ask(&checker, &shown, &ticket), refused(Unwarranted::Used));
    }
    assert!(checker.open(&issuer.issue(&Asked::Describe)).unwrap().describe().is_ok());
    let ping = checker.open(&issuer.issue(&Asked::Ping)).unwrap();
    assert!(ping.clone().ping().is_ok());
    assert_eq!(ping.ping().unwrap_err(), Unwarranted::Used);
}

#[test]
fn on_another_connection_it_is_worth_nothing() {
    let ((issuer, _), (_, other)) = (ends(1), ends(2));
    let ticket = ticket(ID, "a.b");
    let shown = issuer.issue(&get(&ticket));
    assert_eq!(ask(&other, &shown, &ticket), refused(Unwarranted::Forged));
}

#[test]
fn what_was_changed_is_refused_and_spends_no_number() {
    let (issuer, checker) = ends(1);
    let asked = ticket(ID, "a.b");
    let shown = issuer.issue(&get(&asked));
    let elsewhere = ticket(ID, "a.c");
    let of_another_query = ticket(QueryId([8; 16]), "a.b");
    for changed in [&elsewhere, &of_another_query, &asked[1..].to_vec(), &Vec::new()] {
        assert_eq!(ask(&checker, &shown, changed), refused(Unwarranted::OtherContent));
    }
    let opened = checker.open(&shown).unwrap();
    assert_eq!(opened.clone().ping().unwrap_err(), Unwarranted::OtherCall);
    assert_eq!(opened.clone().describe().unwrap_err(), Unwarranted::OtherCall);
    let put = opened.header(&asked).unwrap_err();
    assert_eq!(put, NotHandedOut::Unwarranted(Unwarranted::OtherCall));
    assert!(ask(&checker, &shown, &asked).is_ok(), "its number wasn't spent");
}

#[test]
fn a_warrant_for_another_call_or_query_is_refused() {
    let (issuer, checker) = ends(1);
    let ticket = ticket(ID, "a.b");
    let put = Asked::Put { query_id: ID, command: &ticket };
    for other in [put, Asked::Describe, Asked::Ping] {
        let shown = issuer.issue(&other);
        assert_eq!(ask(&checker, &shown, &ticket), refused(Unwarranted::OtherCall), "{other:?}");
    }
    let shown = issuer.issue(&Asked::Get { query_id: QueryId([8; 16]), ticket: &ticket });
    assert_eq!(ask(&checker, &shown, &ticket), refused(Unwarranted::OtherQuery));
    assert_eq!(ask(&checker, &shown, &ticket), refused(Unwarranted::Used), "it is spent");
}

#[test]
fn what_isnt_a_request_spends_its_number_all_the_same() {
    let (issuer, checker) = ends(1);
    let shown = issuer.issue(&get(b"nonsense"));
    let malformed = ask(&checker, &shown, b"nonsense");
    assert_eq!(malformed, Err(NotHandedOut::Malformed(Malformed::NotAMessage)));
    assert_eq!(ask(&checker, &shown, b"nonsense"), refused(Unwarranted::Used));
}

#[test]
fn a_bit_changed_anywhere_makes_it_a_forgery() {
    let (issuer, checker) = ends(1);
    let ticket = ticket(ID, "a.b");
    let shown = issuer.issue(&get(&ticket));
    for bit in 0..shown.len() * 8 {
        let mut changed = shown.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(ask(&checker, &changed, &ticket), refused(Unwarranted::Forged));
    }
    for length in 0..shown.len() {
        assert!(ask(&checker, &shown[..length], &ticket).is_err());
    }
    let longer = [&shown[..], &[0; BYTES_MAX]].concat();
    assert_eq!(ask(&checker, &longer, &ticket), refused(Unwarranted::Missing));
    assert_eq!(ask(&checker, &[], &ticket), refused(Unwarranted::Missing));
    assert!(ask(&checker, &shown, &ticket).is_ok());
}

/// With the connection's key, but not as this version makes it.
#[test]
fn what_the_other_end_says_otherwise_is_refused() {
    let (issuer, checker) = ends(1);
    let signed = |warrant: &[u8]| {
        let mut mac = issuer.key.mac();
        mac.update(warrant);
        [&mac.finalize().into_bytes()[..], warrant].concat()
    };
    let right = get(b"x").message(1);
    let other = v1::Warrant { version: 2, ..right.clone() }.encode_to_vec();
    let mut more = right.encode_to_vec();
    more.extend([0x30, 1]);
    for warrant in [other, more, b"nonsense".to_vec(), Vec::new()] {
        let opened = checker.open(&signed(&warrant));
        assert_eq!(opened.unwrap_err(), Unwarranted::OtherVersion);
    }
    // The number 0 is nobody's, and an unknown call is no call.
    let zero = v1::Warrant { sequence: 0, ..Asked::Ping.message(1) }.encode_to_vec();
    let opened = checker.open(&signed(&zero)).unwrap();
    assert_eq!(opened.ping().unwrap_err(), Unwarranted::TooOld);
    let unknown = v1::Warrant { call: 9, ..right }.encode_to_vec();
    let opened = checker.open(&signed(&unknown)).unwrap();
    assert_eq!(opened.ping().unwrap_err(), Unwarranted::OtherCall);
}

#[test]
fn one_that_was_held_back_too_long_is_refused() {
    let (issuer, checker) = ends(1);
    let ticket = ticket(ID, "a.b");
    let [first, second] = [(); 2].map(|()| issuer.issue(&get(&ticket)));
    for _ in 0..crate::window::WINDOW - 1 {
        let _ = issuer.issue(&Asked::Ping);
    }
    let last = issuer.issue(&Asked::Ping);
    checker.open(&last).unwrap().ping().unwrap();
    assert_eq!(ask(&checker, &first, &ticket), refused(Unwarranted::TooOld));
    assert_eq!(ask(&checker, &second, &ticket), refused(Unwarranted::TooOld));
    checker.open(&issuer.issue(&Asked::Ping)).unwrap().ping().unwrap();
}

#[test]
fn no_two_calls_get_one_number() {
    let (issuer, checker) = ends(1);
    let taken = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..500 {
                    let shown = issuer.issue(&Asked::Ping);
                    // The same call, at once from several sides: one is answered.
                    let opened = [(); 3].map(|()| checker.open(&shown).unwrap().ping().is_ok());
                    taken.fetch_add(opened.iter().filter(|o| **o).count(), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(taken.into_inner(), 2_000);
}

/// Written down once: what is sent is what other versions read.
#[test]
fn a_warrant_has_these_bytes() {
    let (issuer, _) = ends(1);
    let shown = issuer.issue(&get(b"ticket"));
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(
        hex(&shown[MAC_BYTES..]),
        "0801100118012210".to_owned()
            + &"07".repeat(16)
            + "2a20"
            + &hex(&Sha256::digest(b"ticket")),
    );
    let longest = Asked::Get { query_id: ID, ticket: b"" }.message(u64::MAX).encode_to_vec();
    assert_eq!(longest.len() + MAC_BYTES, 99);
}

proptest! {
    /// Arbitrary bytes in the place of a Warrant.
    #[test]
    fn arbitrary_bytes_are_no_warrant(shown in prop::collection::vec(any::<u8>(), 0..200)) {
        let (_, checker) = ends(1);
        prop_assert!(checker.open(&shown).is_err());
    }

    /// Calls that arrive in any order, some again: each is answered once.
    #[test]
    fn in_any_order_each_call_is_answered_once(order in prop::collection::vec(0_usize..50, 1..200)) {
        let (issuer, checker) = ends(1);
        let shown: Vec<_> = (0..50).map(|_| issuer.issue(&Asked::Ping)).collect();
        let mut answered = [false; 50];
        for at in order {
            let taken = checker.open(&shown[at]).unwrap().ping().is_ok();
            prop_assert_eq!(taken, !std::mem::replace(&mut answered[at], true));
        }
    }
}
