//! Both query protocols, message by message. The expected answers are PostgreSQL 15's own.

use crate::support::{check, server};

#[tokio::test]
async fn simple_queries() {
    let server = server().await;
    let raw = &mut server.raw("admin").await;
    check(
        raw,
        "Q select 1 as a, 'x' as b",
        "T(a:23:0,b:25:0) D(1|x) C(SELECT_1) Z(I)",
    )
    .await;
    check(raw, "Q ", "I Z(I)").await;
    check(raw, "Q ;;;", "I Z(I)").await;
    check(raw, "Q -- nothing", "I Z(I)").await;
    check(
        raw,
        "Q select 1 as a; select nope; select 3 as c",
        "T(a:23:0) D(1) C(SELECT_1) E(42703) Z(I)",
    )
    .await;
    check(raw, "Q selec", "E(42601) Z(I)").await;
    check(raw, "Q select 'open", "E(42601) Z(I)").await;
    check(raw, "Q select $1", "E(42P02) Z(I)").await;
    check(
        raw,
        "Q select 2 as a;; select 3 as b;",
        "T(a:23:0) D(2) C(SELECT_1) T(b:23:0) D(3) C(SELECT_1) Z(I)",
    )
    .await;
    check(raw, "F", "E(0A000) Z(I)").await;
    server.stop().await;
}

#[tokio::test]
async fn transactions() {
    let server = server().await;
    let raw = &mut server.raw("admin").await;
    check(raw, "Q begin; select nope", "C(BEGIN) E(42703) Z(E)").await;
    check(raw, "Q select 1", "E(25P02) Z(E)").await;
    check(raw, "Q commit", "C(ROLLBACK) Z(I)").await;
    check(raw, "Q commit", "N(25P01) C(COMMIT) Z(I)").await;
    check(raw, "Q begin", "C(BEGIN) Z(T)").await;
    check(raw, "Q begin", "N(25001) C(BEGIN) Z(T)").await;
    check(
        raw,
        "Q insert into notes values (1, 'a')",
        "C(INSERT_0_1) Z(T)",
    )
    .await;
    check(
        raw,
        "Q select count(*) as n from notes",
        "T(n:20:0) D(1) C(SELECT_1) Z(T)",
    )
    .await;
    check(raw, "Q rollback", "C(ROLLBACK) Z(I)").await;
    check(
        raw,
        "Q select count(*) as n from notes",
        "T(n:20:0) D(0) C(SELECT_1) Z(I)",
    )
    .await;
    // Several statements are one transaction.
    check(
        raw,
        "Q insert into notes values (1, 'a'); insert into notes values (2, 'b'); select nope",
        "C(INSERT_0_1) C(INSERT_0_1) E(42703) Z(I)",
    )
    .await;
    check(
        raw,
        "Q select count(*) as n from notes",
        "T(n:20:0) D(0) C(SELECT_1) Z(I)",
    )
    .await;
    // A BEGIN among them makes it the client's.
    check(
        raw,
        "Q insert into notes values (1, 'a'); begin; insert into notes values (2, 'b')",
        "C(INSERT_0_1) C(BEGIN) C(INSERT_0_1) Z(T)",
    )
    .await;
    check(
        raw,
        "Q commit; select count(*) as n from notes",
        "C(COMMIT) T(n:20:0) D(2) C(SELECT_1) Z(I)",
    )
    .await;
    server.stop().await;
}

#[tokio::test]
async fn settings_are_reported_before_ready() {
    let server = server().await;
    let raw = &mut server.raw("admin").await;
    check(
        raw,
        "Q set application_name = 'x'; set TimeZone = 'Asia/Tokyo'; set extra_float_digits = 2",
        "C(SET) C(SET) C(SET) S(application_name=x) S(TimeZone=Asia/Tokyo) Z(I)",
    )
    .await;
    check(
        raw,
        "Q show TimeZone",
        "T(TimeZone:25:0) D(Asia/Tokyo) C(SHOW) Z(I)",
    )
    .await;
    check(
        raw,
        "Q select timestamptz '2020-01-01 00:00:00+00' as t",
        "T(t:1184:0) D(2020-01-01 09:00:00+09) C(SELECT_1) Z(I)",
    )
    .await;
    check(raw, "Q set nope = 1", "E(42704) Z(I)").await;
    server.stop().await;
}

#[tokio::test]
async fn extended_queries() {
    let server = server().await;
    let raw = &mut server.raw("admin").await;
    check(
        raw,
        "P |select $1::integer + 1 as a
         DS
         B ||41
         DP
         E
         S",
        "1 t(23) T(a:23:0) 2 T(a:23:0) D(42) C(SELECT_1) Z(I)",
    )
    .await;
    check(
        raw,
        "P |select 1 as a, $1 as b\nDS\nB ||x\nE\nS",
        "1 t(25) T(a:23:0,b:25:0) 2 D(1|x) C(SELECT_1) Z(I)",
    )
    .await;
    // Nothing fixes the type: text.
    check(
        raw,
        "P |select $1 as a\nDS\nB ||x\nE\nS",
        "1 t(25) T(a:25:0) 2 D(x) C(SELECT_1) Z(I)",
    )
    .await;
    check(
        raw,
        "P |select $1 as a|23\nDS\nB ||7\nE\nS",
        "1 t(23) T(a:23:0) 2 D(7) C(SELECT_1) Z(I)",
    )
    .await;
    check(
        raw,
        "P |select $1::integer as a\nB ||~\nE\nS",
        "1 2 D(~) C(SELECT_1) Z(I)",
    )
    .await;
    // Binary results, for all columns or each.
    check(
        raw,
        "P |select 258 as a, 'x' as b\nB ||||\nB |||1\nDP\nE\nS",
        "1 2 2 T(a:23:1,b:25:1) D(00000102|x) C(SELECT_1) Z(I)",
    )
    .await;
    check(
        raw,
        "P |select 258 as a, 'x' as b\nB |||0 1\nE\nS",
        "1 2 D(258|x) C(SELECT_1) Z(I)",
    )
    .await;
    check(
        raw,
        "P |select 1 as a, 2 as b, 3 as c\nB |||1 1\nS",
        "1 E(08P01) Z(I)",
    )
    .await;
    // No rows.
    check(
        raw,
        "P |begin\nDS\nB\nDP\nE\nS",
        "1 t() n 2 n C(BEGIN) Z(T)",
    )
    .await;
    check(raw, "Q rollback", "C(ROLLBACK) Z(I)").await;
    check(raw, "P |\nDS\nB\nDP\nE\nS", "1 t() n 2 n I Z(I)").await;
    check(raw, "P |select 1; select 2\nS", "E(42601) Z(I)").await;
    server.stop().await;
}

#[tokio::test]
async fn names_and_lifetimes() {
    let server = server().await;
    let raw = &mut server.raw("admin").await;
    check(raw, "P a|select 1 as x\nS", "1 Z(I)").await;
    check(raw, "P a|select 2 as x\nS", "E(42P05) Z(I)").await;
    check(raw, "B |nope\nS", "E(26000) Z(I)").await;
    check(raw, "DS nope\nS", "E(26000) Z(I)").await;
    check(raw, "DP nope\nS", "E(34000) Z(I)").await;
    check(raw, "E nope\nS", "E(34000) Z(I)").await;
    check(raw, "CS nope\nCP nope\nS", "3 3 Z(I)").await;
    // A portal ends with its transaction.
    check(raw, "B p|a\nS\nE p\nS", "2 Z(I) E(34000) Z(I)").await;
    check(raw, "Q begin", "C(BEGIN) Z(T)").await;
    check(
        raw,
        "B p|a\nB |a\nS\nE p\nE\nS",
        "2 2 Z(T) D(1) C(SELECT_1) D(1) C(SELECT_1) Z(T)",
    )
    .await;
    check(raw, "E p\nS", "C(SELECT_0) Z(T)").await;
    check(raw, "Q commit", "C(COMMIT) Z(I)").await;
    check(raw, "E p\nS", "E(34000) Z(I)").await;
    // The unnamed statement ends with a simple query; named ones end when told.
    check(raw, "P |select 3 as x\nS", "1 Z(I)").await;
    check(raw, "Q select 4 as x", "T(x:23:0) D(4) C(SELECT_1) Z(I)").await;
    check(raw, "B\nS", "E(26000) Z(I)").await;
    check(raw, "CS a\nB |a\nS", "3 E(26000) Z(I)").await;
    check(raw, "P a|select 1 as x\nS", "1 Z(I)").await;
    check(raw, "Q deallocate a", "C(DEALLOCATE) Z(I)").await;
    check(raw, "Q deallocate a", "E(26000) Z(I)").await;
    check(raw, "P a|select 1 as x\nS", "1 Z(I)").await;
    check(raw, "Q discard all", "C(DISCARD_ALL) Z(I)").await;
    check(raw, "B |a\nS", "E(26000) Z(I)").await;
    server.stop().await;
}

#[tokio::test]
async fn fetching_in_parts() {
    let server = server().await;
    let raw = &mut server.raw("admin").await;
    check(
        raw,
        "P |select n from numbers where n < 5 order by n
         B
         E |2
         E |2
         E |2
         E |2
         S",
        "1 2 D(0) D(1) s D(2) D(3) s D(4) C(SELECT_1) C(SELECT_0) Z(I)",
    )
    .await;
    // The count is not looked beyond.
    check(
        raw,
        "P |select n from numbers where n < 2 order by n\nB\nE |2\nE |2\nS",
        "1 2 D(0) D(1) s C(SELECT_0) Z(I)",
    )
    .await;
    // Outside a transaction several results can be open at once.
    check(
        raw,
        "P a|select n from numbers order by n
         B x|a
         B y|a
         E x|1
         E y|2
         E x|1
         S
         E x|1
         S",
        "1 2 2 D(0) s D(0) D(1) s D(1) s Z(I) E(34000) Z(I)",
    )
    .await;
    server.until_idle(1).await;
    server.stop().await;
}

#[tokio::test]
async fn an_error_skips_to_sync() {
    let server = server().await;
    let raw = &mut server.raw("admin").await;
    check(
        raw,
        "P |select nope
         B
         E
         q select 1
         P b|select 2 as x
         S
         B |b
         S",
        "E(42703) Z(I) E(26000) Z(I)",
    )
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_pipeline_is_one_transaction() {
    let server = server().await;
    let raw = &mut server.raw("admin").await;
    let insert = "P |insert into notes values (1, 'a')\nB\nE\n";
    check(
        raw,
        &format!("{insert}{insert}P |select nope\nS"),
        "1 2 C(INSERT_0_1) 1 2 C(INSERT_0_1) E(42703) Z(I)",
    )
    .await;
    check(
        raw,
        "Q select count(*) as n from notes",
        "T(n:20:0) D(0) C(SELECT_1) Z(I)",
    )
    .await;
    check(
        raw,
        &format!("{insert}{insert}S"),
        "1 2 C(INSERT_0_1) 1 2 C(INSERT_0_1) Z(I)",
    )
    .await;
    check(
        raw,
        &format!("{insert}S\nP |select nope\nS"),
        "1 2 C(INSERT_0_1) Z(I) E(42703) Z(I)",
    )
    .await;
    check(
        raw,
        "Q select count(*) as n from notes",
        "T(n:20:0) D(3) C(SELECT_1) Z(I)",
    )
    .await;
    server.stop().await;
}

#[tokio::test]
async fn bad_parameters() {
    let server = server().await;
    let raw = &mut server.raw("admin").await;
    check(
        raw,
        "P |select $1::integer as a\nB ||x\nS",
        "1 E(22P02) Z(I)",
    )
    .await;
    check(
        raw,
        "P |select $1::integer as a\nB ||1 2\nS",
        "1 E(08P01) Z(I)",
    )
    .await;
    check(raw, "P |select $1::integer as a\nB\nS", "1 E(08P01) Z(I)").await;
    check(raw, "P |select $1|99\nS", "E(42704) Z(I)").await;
    check(raw, "Q begin", "C(BEGIN) Z(T)").await;
    check(
        raw,
        "P |select $1::integer as a\nB ||x\nS",
        "1 E(22P02) Z(E)",
    )
    .await;
    check(raw, "Q rollback", "C(ROLLBACK) Z(I)").await;
    server.stop().await;
}
