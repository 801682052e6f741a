//! Memory, measured in a process of its own.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::time::Duration;

use common::*;
use futures::StreamExt;

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[tokio::test(flavor = "multi_thread")]
async fn all_rows_of_a_long_result_arrive_in_bounded_memory_at_a_slow_reader() {
    let f = fixture().await;
    let session = f.session().await;
    let sql = "select range as i, repeat('x', 100) as s from range(2000000)";
    let mut stream = session
        .execute(query(sql, &[], &["range", "repeat"]).seal())
        .await
        .unwrap();
    let before = resident();
    let mut seen = 0;
    let mut batches = 0;
    while let Some(batch) = stream.next().await {
        seen += batch.unwrap().num_rows();
        batches += 1;
        if batches % 20 == 0 {
            // Time for the stream to fill its channel and park.
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert!(resident().saturating_sub(before) < 100_000_000);
        }
    }
    assert_eq!(seen, 2_000_000);
    // The first chunk is sent at once; the others are joined.
    assert!(batches < 1000, "{batches}");
}
