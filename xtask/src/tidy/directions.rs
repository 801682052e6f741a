//! Who may depend on whom.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::table::May;
use crate::cargo::cargo;
use crate::failure::{Failure, While};
use crate::place::Place;
use crate::process;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// A package of the workspace, as `cargo metadata` describes it.
#[derive(Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// `None` for what the crate itself uses, else `dev` or `build`.
    kind: Option<String>,
}

impl Package {
    fn uses(&self) -> impl Iterator<Item = &str> {
        let used = self
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind.as_deref() != Some("dev"));
        used.map(|dependency| dependency.name.as_str())
    }
}

/// The workspace's packages.
pub(super) fn packages(place: &Place) -> Result<Vec<Package>, Failure> {
    let metadata = process::output(cargo(place).args([
        "metadata",
        "--format-version=1",
        "--no-deps",
        "--offline",
    ]))?;
    let metadata: Metadata =
        serde_json::from_str(&metadata).while_doing(|| "reading cargo's metadata".to_owned())?;
    Ok(metadata.packages)
}

/// The breaches of both tables, and the cycles that dependencies of tests make.
pub(super) fn check(
    packages: &[Package],
    crates: &[(&str, May)],
    heavy: &[(&str, &[&str])],
) -> Vec<String> {
    let mut breaches = Vec::new();
    for package in packages {
        let name = package.name.as_str();
        let Some((_, may)) = crates.iter().find(|(listed, _)| *listed == name) else {
            breaches.push(format!(
                "{name} is not in the table of crates (xtask/src/tidy/table.rs)"
            ));
            continue;
        };
        for used in package.uses() {
            let is_ours = packages.iter().any(|other| other.name == used);
            if is_ours && matches!(may, May::Use(allowed) if !allowed.contains(&used)) {
                breaches.push(format!("{name} may not depend on {used}"));
            }
            if let Some((_, homes)) = heavy.iter().find(|(dependency, _)| *dependency == used)
                && !homes.contains(&name)
            {
                breaches.push(format!(
                    "{name} may not depend on {used}, which lives in {} only",
                    homes.join(", ")
                ));
            }
        }
    }
    let gone = crates
        .iter()
        .filter(|(listed, _)| packages.iter().all(|package| package.name != *listed));
    breaches.extend(
        gone.map(|(listed, _)| {
            format!("{listed} is in the table of crates and not in the workspace")
        }),
    );
    breaches.extend(cycle(packages).map(|names| {
        format!(
            "crates depend on each other in a circle: {}",
            names.join(" -> ")
        )
    }));
    breaches
}

/// Some circle of packages, dependencies of tests included. Cargo itself refuses only circles without them.
fn cycle(packages: &[Package]) -> Option<Vec<&str>> {
    let by_name: BTreeMap<&str, &Package> = packages
        .iter()
        .map(|package| (package.name.as_str(), package))
        .collect();
    let mut done = Vec::new();
    by_name
        .keys()
        .find_map(|name| circle_from(name, &by_name, &mut Vec::new(), &mut done))
}

fn circle_from<'a>(
    name: &'a str,
    packages: &BTreeMap<&'a str, &'a Package>,
    path: &mut Vec<&'a str>,
    done: &mut Vec<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(start) = path.iter().position(|seen| *seen == name) {
        return Some(path[start..].iter().copied().chain([name]).collect());
    }
    if done.contains(&name) {
        return None;
    }
    let package = packages.get(name)?;
    path.push(name);
    let found = package
        .dependencies
        .iter()
        .find_map(|used| circle_from(&used.name, packages, path, done));
    path.pop();
    done.push(name);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRATES: &[(&str, May)] = &[
        ("low", May::Use(&[])),
        ("high", May::Use(&["low"])),
        ("top", May::UseAll),
    ];

    fn package(name: &str, uses: &[(&str, Option<&str>)]) -> Package {
        let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
        };
        Package {
            name: name.to_owned(),
            dependencies: uses.iter().map(dependency).collect(),
        }
    }

    #[track_caller]
    fn breaches(low: &[(&str, Option<&str>)], high: &[(&str, Option<&str>)], expected: &[&str]) {
        let packages = [
            package("low", low),
            package("high", high),
            package("top", &[("high", None), ("low", None)]),
        ];
        assert_eq!(check(&packages, CRATES, &[("heavy", &["high"])]), expected);
    }

    #[test]
    fn what_the_table_allows_passes() {
        breaches(&[("light", None)], &[("low", None), ("heavy", None)], &[]);
    }

    #[test]
    fn a_direction_that_is_not_in_the_table_fails() {
        breaches(
            &[("top", Some("build"))],
            &[],
            &[
                "low may not depend on top",
                "crates depend on each other in a circle: low -> top -> low",
            ],
        );
    }

    #[test]
    fn a_heavy_dependency_outside_its_crate_fails_but_in_tests_it_may_be_used() {
        breaches(
            &[("heavy", None)],
            &[],
            &["low may not depend on heavy, which lives in high only"],
        );
        breaches(&[("heavy", Some("dev"))], &[], &[]);
    }

    #[test]
    fn tests_may_use_any_crate_but_not_in_a_circle() {
        breaches(&[("high", Some("dev"))], &[], &[]);
        breaches(
            &[("high", Some("dev"))],
            &[("low", None)],
            &["crates depend on each other in a circle: high -> low -> high"],
        );
    }

    #[test]
    fn the_table_and_the_workspace_name_the_same_crates() {
        let packages = [
            package("low", &[]),
            package("top", &[]),
            package("new", &[]),
        ];
        assert_eq!(
            check(&packages, CRATES, &[]),
            [
                "new is not in the table of crates (xtask/src/tidy/table.rs)",
                "high is in the table of crates and not in the workspace",
            ]
        );
    }
}
