//! What reference facts about results and cancelling this layer builds on, against the real library.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(
    clippy::disallowed_methods,
    reason = "plain threads, joined here, are the subject"
)]

use std::thread;

use native::{Connection, ErrorType, Instance};

fn connect() -> Connection {
    Instance::open(None, &[("threads", "2")])
        .unwrap()
        .connect()
        .unwrap()
}

#[test]
fn runs_the_library_it_was_written_for() {
    assert_eq!(native::library_version(), "v1.5.5");
}

#[test]
fn an_abandoned_stream_frees_its_connection() {
    let connection = connect();
    for _ in 0..3 {
        let prepared = connection.prepare("select * from range(10000000)").unwrap();
        let mut stream = prepared.execute_streaming().unwrap();
        assert!(stream.next_batch().unwrap().is_some());
    }
    assert_eq!(
        connection.query("select 42").unwrap().scalar().unwrap(),
        "42"
    );
}

#[test]
fn a_stream_moves_between_threads() {
    let connection = connect();
    let mut stream = connection
        .prepare("select * from range(10000)")
        .unwrap()
        .execute_streaming()
        .unwrap();
    stream.next_batch().unwrap().unwrap();
    let rest = thread::spawn(move || {
        let mut rows = 0;
        while let Some(batch) = stream.next_batch().unwrap() {
            rows += batch.num_rows();
        }
        rows
    });
    assert_eq!(rest.join().unwrap(), 10_000 - 2048);
}

#[test]
fn preparing_another_statement_ends_an_open_stream() {
    for in_transaction in [false, true] {
        let connection = connect();
        if in_transaction {
            connection.execute("begin").unwrap();
        }
        let prepared = connection.prepare("select * from range(1000000)").unwrap();
        let mut stream = prepared.execute_streaming().unwrap();
        stream.next_batch().unwrap().unwrap();
        connection.prepare("select 1").unwrap();
        // The rows already buffered may still come; not the end of the result.
        let mut rows = 2048;
        let outcome = loop {
            match stream.next_batch() {
                Ok(Some(batch)) => rows += batch.num_rows(),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        assert!(outcome.is_err() || rows < 1_000_000);
    }
}

#[test]
fn table_names_leave_an_open_stream_alone() {
    let connection = connect();
    connection
        .execute("create table t as select 1 as a")
        .unwrap();
    let prepared = connection.prepare("select * from range(100000)").unwrap();
    let mut stream = prepared.execute_streaming().unwrap();
    let mut rows = stream.next_batch().unwrap().unwrap().num_rows();
    let names = connection
        .table_names("select * from memory.main.t", true)
        .unwrap();
    assert_eq!(names.unwrap(), ["memory.main.t"]);
    while let Some(batch) = stream.next_batch().unwrap() {
        rows += batch.num_rows();
    }
    assert_eq!(rows, 100_000);
}

#[test]
fn an_error_in_the_middle_is_an_error_and_ends_the_stream() {
    let connection = connect();
    connection.execute("set threads = 1").unwrap();
    let mut stream = connection
        .prepare(
            "select case when range = 500000 then error('boom') else range end from range(1000000)",
        )
        .unwrap()
        .execute_streaming()
        .unwrap();
    let error = loop {
        match stream.next_batch() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended without its error"),
            Err(error) => break error,
        }
    };
    assert!(error.text().contains("boom"), "{error}");
    assert!(stream.next_batch().unwrap().is_none());
    drop(stream);
    assert_eq!(connection.query("select 1").unwrap().scalar().unwrap(), "1");
}

#[test]
fn an_interrupt_stops_a_running_statement_and_the_connection_lives_on() {
    let connection = connect();
    let handle = connection.interrupt_handle();
    // Lost, as nothing runs.
    handle.interrupt();
    let worker = thread::spawn(move || {
        let outcome = connection.query(
            "select count(*) from range(3000000) a, range(3000000) b where a.range <> b.range",
        );
        (connection, outcome)
    });
    // One interrupt may come before the statement has begun, so it is repeated, as in production.
    while !worker.is_finished() {
        handle.interrupt();
        thread::yield_now();
    }
    let (connection, outcome) = worker.join().unwrap();
    assert_eq!(outcome.unwrap_err().error_type(), ErrorType::Interrupt);
    assert_eq!(connection.query("select 1").unwrap().scalar().unwrap(), "1");
}

#[test]
fn an_interrupt_between_two_fetches_ends_the_stream_soon() {
    let connection = connect();
    let handle = connection.interrupt_handle();
    let prepared = connection
        .prepare("select * from range(100000000)")
        .unwrap();
    let mut stream = prepared.execute_streaming().unwrap();
    stream.next_batch().unwrap().unwrap();
    handle.interrupt();
    let mut more = 0;
    let error = loop {
        match stream.next_batch() {
            Ok(batch) => {
                assert!(batch.is_some(), "the stream ended as if complete");
                more += 1;
            }
            Err(error) => break error,
        }
    };
    assert_eq!(error.error_type(), ErrorType::Interrupt);
    assert!(more <= 10, "{more} chunks after the interrupt");
}

#[test]
fn interrupting_races_with_closing_without_harm() {
    let instance = Instance::open(None, &[]).unwrap();
    for _ in 0..200 {
        let connection = instance.connect().unwrap();
        let handle = connection.interrupt_handle();
        let racer = thread::spawn(move || {
            while !handle.is_closed() {
                handle.interrupt();
                handle.progress();
            }
            handle.interrupt();
            assert_eq!(handle.progress(), None);
        });
        drop(connection);
        racer.join().unwrap();
    }
}

#[test]
fn progress_is_told_from_another_thread() {
    let connection = connect();
    connection
        .execute("set enable_progress_bar = true; set enable_progress_bar_print = false")
        .unwrap();
    connection
        .execute("create table t as select range as i from range(20000000)")
        .unwrap();
    let handle = connection.interrupt_handle();
    let worker = thread::spawn(move || {
        connection
            .query("select sum(hash(i) % 7 + hash(i + 1) % 5) from t")
            .unwrap();
    });
    let mut seen = Vec::new();
    while !worker.is_finished() {
        seen.extend(handle.progress());
        thread::yield_now();
    }
    worker.join().unwrap();
    assert!(seen.iter().all(|p| (0.0..=1.0).contains(p)), "{seen:?}");
    assert!(!seen.is_empty());
}

/// A statement that has begun and is given up before its first rows leaves a connection on which a
/// transaction can begin.
#[test]
fn a_statement_given_up_at_its_beginning_ends() {
    let connection = Instance::open(None, &[]).unwrap().connect().unwrap();
    let begin = connection.prepare("begin").unwrap();
    connection
        .execute("create table t as select range as i from range(10)")
        .unwrap();
    let prepared = connection.prepare("select i from t where i > $1").unwrap();
    for _ in 0..2 {
        prepared.bind(1, &model::ParamValue::BigInt(3)).unwrap();
        drop(prepared.start().unwrap());
        begin.execute().unwrap();
        connection.execute("rollback").unwrap();
    }
}
