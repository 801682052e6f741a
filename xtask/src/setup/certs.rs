//! The test authority and server certificate in `.eider/certs`.

use std::process::Command;

use crate::failure::Failure;
use crate::place::Place;
use crate::process;
use crate::setup::packages;

/// Makes them anew when they are missing or about to expire.
pub(crate) fn make(place: &Place) -> Result<(), Failure> {
    packages::need(packages::OPENSSL)?;
    process::run(&mut Command::new(place.root.join("certs/make")))
}
