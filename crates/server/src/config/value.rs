//! The types of configuration values: how they are written, and how they are printed.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use model::{ByteSize, Share, Span};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::units::{Bound, Memory, optional};

/// What a section's key may hold. `Display` and `FromStr` are the form in the environment and, but
/// for numbers and booleans, in the file too.
pub(crate) trait Value: fmt::Display + FromStr<Err = String> {
    /// The type as the documentation calls it.
    const TYPE: &'static str;
    /// Whether the file has it without quotes.
    const BARE: bool = false;
}

/// A count, or `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AutoCount(pub(crate) Option<usize>);

/// An address to listen on: `host:port`, or `:port` for all interfaces, as in Go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listen(pub(crate) String);

/// A path; empty where none is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct File(pub(crate) PathBuf);

/// A name or other text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Text,
}

/// Whether a catalog takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    ReadOnly,
    ReadWrite,
}

optional!(AutoCount, "auto", Count, Count, |c: Count| c.0);

/// A count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) usize);

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|_| format!("{text:?} is not a whole number"))
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `true` or `false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Switch(pub(crate) bool);

impl FromStr for Switch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "t" => Ok(Self(true)),
            "false" | "0" | "f" => Ok(Self(false)),
            _ => Err(format!("{text:?} is neither \"true\" nor \"false\"")),
        }
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Listen {
    /// The addresses that it stands for, each to be tried in turn. Names are looked up.
    pub(crate) fn resolve(&self) -> Result<Vec<SocketAddr>, String> {
        use std::net::ToSocketAddrs;
        let text = &self.0;
        if let Some(port) = text.strip_prefix(':') {
            let port: u16 = port.parse().map_err(|_| format!("{text:?} has no port"))?;
            // Takes IPv4 too where the system maps it; else IPv4 alone.
            return Ok(vec![
                (Ipv6Addr::UNSPECIFIED, port).into(),
                ([0, 0, 0, 0], port).into(),
            ]);
        }
        let addresses = text.to_socket_addrs();
        let addresses: Vec<_> = addresses.map_err(|e| format!("{text:?}: {e}"))?.collect();
        match addresses.is_empty() {
            true => Err(format!("{text:?} has no address")),
            false => Ok(addresses),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "{text:?} is not an address: expected \"host:port\", or \":port\" for all interfaces"
            )
        };
        // A bare port, as in METRICS_PORT.
        if text.parse::<u16>().is_ok() {
            return Ok(Self(format!(":{text}")));
        }
        let (_, port) = text.rsplit_once(':').ok_or_else(bad)?;
        port.parse::<u16>().map_err(|_| bad())?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for File {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(text.into()))
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl FromStr for Text {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(format!("{text:?} is neither \"json\" nor \"text\"")),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Text => "text",
        })
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "read_only" => Ok(Self::ReadOnly),
            "read_write" => Ok(Self::ReadWrite),
            _ => Err(format!(
                "{text:?} is neither \"read_only\" nor \"read_write\""
            )),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnly => "read_only",
            Self::ReadWrite => "read_write",
        })
    }
}

impl Value for Span {
    const TYPE: &'static str = "time";
}

impl Value for ByteSize {
    const TYPE: &'static str = "size";
}

impl Value for Share {
    const TYPE: &'static str = "share";
}

macro_rules! quoted {
    ($($name:ident: $words:literal),* $(,)?) => {$(
        impl Value for $name {
            const TYPE: &'static str = $words;
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

quoted!(
    Bound: "time or `none`",
    Memory: "size or `auto`",
    Listen: "address",
    File: "path",
    Text: "text",
    Format: "`json` or `text`",
    Mode: "`read_only` or `read_write`",
);

impl Value for Count {
    const TYPE: &'static str = "count";
    const BARE: bool = true;
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        usize::deserialize(deserializer).map(Self)
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Value for Switch {
    const TYPE: &'static str = "`true` or `false`";
    const BARE: bool = true;
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bool::deserialize(deserializer).map(Self)
    }
}

impl Serialize for Switch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Value for AutoCount {
    const TYPE: &'static str = "count or `\"auto\"`";
    const BARE: bool = true;
}

impl<'de> Deserialize<'de> for AutoCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(usize),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(n) => Ok(Self(Some(n))),
            Written::Word(word) => word.parse().map_err(D::Error::custom),
        }
    }
}

impl Serialize for AutoCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(n) => n.serialize(serializer),
            None => serializer.serialize_str("auto"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn addresses_have_the_form_of_go_too() {
        let all = ":5433".parse::<Listen>().unwrap().resolve().unwrap();
        assert!(
            all.iter()
                .all(|a| a.ip().is_unspecified() && a.port() == 5433)
        );
        assert_eq!(
            "9090".parse::<Listen>().unwrap(),
            Listen(":9090".to_owned())
        );
        let local = "127.0.0.1:0".parse::<Listen>().unwrap().resolve().unwrap();
        assert_eq!(local, ["127.0.0.1:0".parse().unwrap()]);
        for bad in ["", "localhost", "127.0.0.1", "host:99999", ":"] {
            assert!(bad.parse::<Listen>().is_err(), "{bad}");
        }
    }
}
