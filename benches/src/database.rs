//! The data as a DuckDB file: queries are quickest on it, so what Eider adds shows most.

use std::path::Path;

use native::Instance;

use crate::Result;

const TABLES: [&str; 8] = [
    "customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier",
];

/// A statement that finds one row of [`make`]'s table `lookup` by its key.
pub(crate) const LOOKUP: &str = "select name, balance from lookup where id = $1";

/// Makes a database of a folder of TPC-H's tables as Parquet files, and beside them the table
/// `lookup`: the customers with an index on their keys, which are 1 to the number of rows.
/// Returns the numbers of rows of lineitem and of lookup.
pub(crate) fn make(parquet: &Path, database: &Path) -> Result<(u64, u64)> {
    let instance = Instance::open(Some(database), &[])?;
    let connection = instance.connect()?;
    for table in TABLES {
        let file = parquet.join(table).with_extension("parquet");
        let file = file.display();
        connection.execute(&format!(
            "create table {table} as from read_parquet('{file}')"
        ))?;
    }
    connection.execute(
        "create table lookup (id bigint primary key, name varchar, balance decimal(15, 2)); \
         insert into lookup select c_custkey, c_name, c_acctbal from customer order by c_custkey; \
         checkpoint",
    )?;
    let count = |table: &str| -> Result<u64> {
        let rows = connection.query(&format!("select count(*) from {table}"))?;
        Ok(rows.scalar().ok_or("no count")?.parse()?)
    };
    Ok((count("lineitem")?, count("lookup")?))
}
