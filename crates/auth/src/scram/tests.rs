#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::net::IpAddr;

use model::ErrorKind;
use runtime::{Clock, Tasks};

use super::*;
use crate::crypto::salted_password;
use crate::{Authenticator, Config, Peer};

const PEER: Peer = Peer {
    door: "test",
    address: IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)),
};

/// The verifier of `pencil` with the salt of RFC 7677.
const PENCIL: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
    WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

fn authenticator() -> Authenticator {
    let directory = [("user".to_owned(), PENCIL.to_owned())];
    let config = Config {
        mock_secret: Some([7; 32]),
        ..Config::default()
    };
    Authenticator::new(directory, config, Clock::manual().0, &Tasks::new("test")).unwrap()
}

/// A client: what it says first, and what it answers.
struct Client {
    gs2_header: &'static str,
    end_point: &'static [u8],
    password: &'static str,
}

impl Client {
    const PLAIN: Self = Self {
        gs2_header: "n,,",
        end_point: b"",
        password: "pencil",
    };

    fn first(&self) -> String {
        format!("{}n=ignored,r=client", self.gs2_header)
    }

    fn last(&self, server_first: &str) -> String {
        let field = |name: &str| {
            let mut fields = server_first.split(',');
            fields.find_map(|f| f.strip_prefix(name)).unwrap()
        };
        let salt = STANDARD.decode(field("s=")).unwrap();
        let salted = salted_password(self.password, &salt, field("i=").parse().unwrap());
        let client_key = hmac_sha256(&salted, &[b"Client Key"]);
        let binding = [self.gs2_header.as_bytes(), self.end_point].concat();
        let without_proof = format!("c={},r={}", STANDARD.encode(binding), field("r="));
        let auth_message = format!("n=ignored,r=client,{server_first},{without_proof}");
        let mut proof = hmac_sha256(&sha256(&client_key), &[auth_message.as_bytes()]);
        for (byte, key) in proof.iter_mut().zip(client_key) {
            *byte ^= key;
        }
        format!("{without_proof},p={}", STANDARD.encode(proof))
    }

    fn log_in(
        &self,
        authenticator: &Authenticator,
        user: &str,
        offered: Option<&[u8]>,
        mechanism: &str,
    ) -> Result<String> {
        let start = authenticator.scram(PEER, user, offered)?;
        let (server_first, finish) = start.client_first(mechanism, self.first().as_bytes())?;
        finish.client_final(self.last(&server_first).as_bytes())
    }
}

#[tokio::test]
async fn the_exchange_of_rfc_7677() {
    let start = authenticator().scram(PEER, "user", None).unwrap();
    assert_eq!(start.mechanisms(), [SCRAM_SHA_256]);
    let (server_first, finish) = start
        .answer(
            SCRAM_SHA_256,
            b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        )
        .unwrap();
    assert_eq!(
        server_first,
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    );
    let server_final = finish
        .client_final(
            b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
              p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        )
        .unwrap();
    assert_eq!(
        server_final,
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    );
}

#[tokio::test]
async fn wrong_passwords_and_unknown_names_fail_alike() {
    let authenticator = authenticator();
    let wrong = Client {
        password: "Pencil",
        ..Client::PLAIN
    };
    assert!(
        Client::PLAIN
            .log_in(&authenticator, "user", None, SCRAM_SHA_256)
            .is_ok()
    );
    for (client, user) in [(&wrong, "user"), (&Client::PLAIN, "nobody")] {
        let error = client
            .log_in(&authenticator, user, None, SCRAM_SHA_256)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPassword);
        assert_eq!(
            error.message(),
            format!("password authentication failed for user \"{user}\"")
        );
    }
}

#[tokio::test]
async fn an_unknown_name_gets_the_same_salt_each_time() {
    let salt_of = |user: &str| {
        let start = authenticator().scram(PEER, user, None).unwrap();
        let (server_first, _) = start
            .client_first(SCRAM_SHA_256, Client::PLAIN.first().as_bytes())
            .unwrap();
        let (_, salt) = server_first.split_once(",s=").unwrap();
        salt.to_owned()
    };
    assert_eq!(salt_of("nobody"), salt_of("nobody"));
    assert_ne!(salt_of("nobody"), salt_of("somebody"));
    assert_eq!(salt_of("nobody").len(), salt_of("user").len());
    assert!(salt_of("nobody").ends_with(",i=4096"));
}

#[tokio::test]
async fn nonces_are_fresh_and_checked() {
    let authenticator = authenticator();
    let first = || {
        let start = authenticator.scram(PEER, "user", None).unwrap();
        start
            .client_first(SCRAM_SHA_256, Client::PLAIN.first().as_bytes())
            .unwrap()
    };
    let ((one, _), (two, finish)) = (first(), first());
    assert_ne!(one, two);
    // The right answer to another exchange.
    let error = finish
        .client_final(Client::PLAIN.last(&one).as_bytes())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn channel_binding_is_checked_both_ways() {
    let bound = Client {
        gs2_header: "p=tls-server-end-point,,",
        end_point: b"certificate",
        ..Client::PLAIN
    };
    let other_channel = Client {
        end_point: b"other",
        ..bound
    };
    let unbound_data = Client {
        end_point: b"",
        ..bound
    };
    let saw_no_offer = Client {
        gs2_header: "y,,",
        ..Client::PLAIN
    };
    let offer = Some(&b"certificate"[..]);
    let none = None;
    use ErrorKind::{InvalidAuthorization, Protocol};
    for (client, offered, mechanism, expected) in [
        (&bound, offer, SCRAM_SHA_256_PLUS, None),
        (&Client::PLAIN, offer, SCRAM_SHA_256, None),
        (&saw_no_offer, none, SCRAM_SHA_256, None),
        // Someone between has cut the offer out, or has another certificate.
        (
            &saw_no_offer,
            offer,
            SCRAM_SHA_256,
            Some(InvalidAuthorization),
        ),
        (
            &other_channel,
            offer,
            SCRAM_SHA_256_PLUS,
            Some(InvalidAuthorization),
        ),
        (
            &unbound_data,
            offer,
            SCRAM_SHA_256_PLUS,
            Some(InvalidAuthorization),
        ),
        // The flag and the mechanism say different things.
        (&bound, offer, SCRAM_SHA_256, Some(Protocol)),
        (&Client::PLAIN, offer, SCRAM_SHA_256_PLUS, Some(Protocol)),
        (&bound, none, SCRAM_SHA_256_PLUS, Some(Protocol)),
        (&bound, none, SCRAM_SHA_256, Some(Protocol)),
        (&Client::PLAIN, none, "PLAIN", Some(Protocol)),
    ] {
        let result = client.log_in(&authenticator(), "user", offered, mechanism);
        let kind = result.as_ref().err().map(model::Error::kind);
        assert_eq!(kind, expected, "{} {mechanism}", client.gs2_header);
    }
    let start = authenticator().scram(PEER, "user", offer).unwrap();
    assert_eq!(start.mechanisms(), [SCRAM_SHA_256_PLUS, SCRAM_SHA_256]);
}

#[tokio::test]
async fn logins_begun_together_do_not_go_round_the_throttle() {
    let authenticator = authenticator();
    let begun: Vec<_> = (0..12)
        .map(|_| {
            let start = authenticator.scram(PEER, "user", None).unwrap();
            start
                .client_first(SCRAM_SHA_256, Client::PLAIN.first().as_bytes())
                .unwrap()
        })
        .collect();
    let wrong = Client {
        password: "guess",
        ..Client::PLAIN
    };
    let kinds: Vec<_> = begun
        .into_iter()
        .map(|(server_first, finish)| {
            let last = wrong.last(&server_first);
            finish.client_final(last.as_bytes()).unwrap_err().kind()
        })
        .collect();
    assert_eq!(kinds[..10], [ErrorKind::InvalidPassword; 10]);
    assert_eq!(kinds[10..], [ErrorKind::InvalidAuthorization; 2]);
}

#[tokio::test]
async fn malformed_messages_tell_nothing_about_the_name() {
    for user in ["user", "nobody"] {
        let start = authenticator().scram(PEER, user, None).unwrap();
        let first = start.client_first(SCRAM_SHA_256, b"\xff").unwrap_err();
        assert_eq!(first.message(), "malformed SCRAM message");
        let start = authenticator().scram(PEER, user, None).unwrap();
        let (_, finish) = start
            .client_first(SCRAM_SHA_256, Client::PLAIN.first().as_bytes())
            .unwrap();
        let last = finish.client_final(b"c=biws,r=x,p=").unwrap_err();
        assert_eq!(last.message(), "malformed SCRAM message");
    }
}
