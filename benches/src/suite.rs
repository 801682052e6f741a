//! What is measured.

mod flight;
mod latency;
mod load;
mod plan;
mod policy;
mod slow;
mod tpch;

use crate::Result;
use crate::fixture::Fixture;
use crate::report::Figure;

/// A group of figures that can be measured alone.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Suite {
    Tpch,
    Latency,
    Flight,
    Plan,
    Policy,
    Slow,
}

impl Suite {
    pub(crate) const ALL: [Self; 6] = [
        Self::Tpch,
        Self::Latency,
        Self::Flight,
        Self::Plan,
        Self::Policy,
        Self::Slow,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tpch => "tpch",
            Self::Latency => "latency",
            Self::Flight => "flight",
            Self::Plan => "plan",
            Self::Policy => "policy",
            Self::Slow => "slow",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    pub(crate) fn run(self, fixture: &Fixture) -> Result<Vec<Figure>> {
        match self {
            Self::Tpch => tpch::run(fixture),
            Self::Latency => {
                let mut figures = latency::run(fixture)?;
                figures.extend(load::run(fixture)?);
                Ok(figures)
            }
            Self::Flight => flight::run(fixture),
            Self::Plan => plan::run(fixture),
            Self::Policy => policy::run(fixture),
            Self::Slow => slow::run(fixture),
        }
    }
}
