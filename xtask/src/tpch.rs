//! The TPC-H tables as Parquet files, made once per machine and scale.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use tpchgen::csv::{
    CustomerCsv, LineItemCsv, NationCsv, OrderCsv, PartCsv, PartSuppCsv, RegionCsv, SupplierCsv,
};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};

use crate::failure::{Failure, While};
use crate::place::{self, Place};
use crate::{process, setup};

/// Raised when the files of the cache are to be made anew.
const GENERATION: &str = "1";

/// The tables at this scale in `.eider/tpch/<scale>`, linked to the cache. Returns that folder.
pub(crate) fn make(place: &Place, scale: &str) -> Result<PathBuf, Failure> {
    let cached = place.cache.join("tpch").join(GENERATION).join(scale);
    if !cached.exists() {
        let fresh = place::beside(&cached)?;
        generate(place, scale, &fresh)?;
        // Someone else may have been as fast: either result is the same.
        if fs::rename(&fresh, &cached).is_err() && cached.exists() {
            place::remove(&fresh)?;
        }
    }
    let folder = place.local("tpch").join(scale);
    place::link(&cached, &folder)?;
    Ok(folder)
}

/// The tables at this scale in a folder of the caller's.
pub(crate) fn make_in(place: &Place, scale: &str, folder: &str) -> Result<(), Failure> {
    generate(place, scale, Path::new(folder))
}

fn generate(place: &Place, scale: &str, folder: &Path) -> Result<(), Failure> {
    let factor: f64 = scale
        .parse()
        .while_doing(|| format!("reading the scale {scale}"))?;
    if !(factor.is_finite() && factor > 0.0) {
        return Err(Failure::new(format!(
            "the scale must be above 0, and {scale} is not"
        )));
    }
    let python = setup::everything(place)?;
    eprintln!("xtask: making the TPC-H tables at scale {scale}");
    let csv = folder.join("csv");
    fs::create_dir_all(&csv).while_doing(|| format!("creating {}", csv.display()))?;
    write_all(&csv, factor).while_doing(|| format!("writing to {}", csv.display()))?;
    process::run(
        Command::new(python)
            .arg(place.root.join("xtask/tpch_to_parquet.py"))
            .arg(&csv)
            .arg(folder),
    )?;
    place::remove(&csv)
}

fn write_all(folder: &Path, scale: f64) -> std::io::Result<()> {
    let nation = NationGenerator::new(scale, 1, 1);
    write(
        folder,
        "nation",
        NationCsv::header(),
        nation.iter().map(NationCsv::new),
    )?;
    let region = RegionGenerator::new(scale, 1, 1);
    write(
        folder,
        "region",
        RegionCsv::header(),
        region.iter().map(RegionCsv::new),
    )?;
    let part = PartGenerator::new(scale, 1, 1);
    write(
        folder,
        "part",
        PartCsv::header(),
        part.iter().map(PartCsv::new),
    )?;
    let supplier = SupplierGenerator::new(scale, 1, 1);
    write(
        folder,
        "supplier",
        SupplierCsv::header(),
        supplier.iter().map(SupplierCsv::new),
    )?;
    let partsupp = PartSuppGenerator::new(scale, 1, 1);
    write(
        folder,
        "partsupp",
        PartSuppCsv::header(),
        partsupp.iter().map(PartSuppCsv::new),
    )?;
    let customer = CustomerGenerator::new(scale, 1, 1);
    write(
        folder,
        "customer",
        CustomerCsv::header(),
        customer.iter().map(CustomerCsv::new),
    )?;
    let orders = OrderGenerator::new(scale, 1, 1);
    write(
        folder,
        "orders",
        OrderCsv::header(),
        orders.iter().map(OrderCsv::new),
    )?;
    let lineitem = LineItemGenerator::new(scale, 1, 1);
    write(
        folder,
        "lineitem",
        LineItemCsv::header(),
        lineitem.iter().map(LineItemCsv::new),
    )
}

fn write(
    folder: &Path,
    table: &str,
    header: &str,
    rows: impl Iterator<Item = impl Display>,
) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(folder.join(format!("{table}.csv")))?);
    writeln!(file, "{header}")?;
    for row in rows {
        writeln!(file, "{row}")?;
    }
    file.flush()
}
