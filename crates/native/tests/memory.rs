//! A long result holds little memory. Alone in its process, whose memory it measures.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use native::{Connection, Instance};

fn connect() -> Connection {
    Instance::open(None, &[("threads", "2")])
        .unwrap()
        .connect()
        .unwrap()
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn a_long_result_streams_in_bounded_memory() {
    let connection = connect();
    connection
        .execute("set preserve_insertion_order = false")
        .unwrap();
    let prepared = connection
        .prepare("select range as i, repeat('x', 100) as s from range(3000000)")
        .unwrap();
    let mut stream = prepared.execute_streaming().unwrap();
    let before = resident();
    let (mut rows, mut sum, mut batches) = (0, 0, 0);
    while let Some(batch) = stream.next_batch().unwrap() {
        assert!(batch.num_rows() <= 2048);
        rows += batch.num_rows();
        sum += batch
            .column(0)
            .as_primitive::<Int64Type>()
            .values()
            .iter()
            .sum::<i64>();
        batches += 1;
    }
    assert_eq!((rows, sum), (3_000_000, 2_999_999 * 3_000_000 / 2));
    assert!(batches > 1000);
    // Held whole it would be over 300 MB.
    assert!(resident().saturating_sub(before) < 100_000_000);
}
