#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use futures::FutureExt;

use super::*;
use crate::wait::WaitSender;

fn admission(statements: usize, per_principal: usize, queue_length: usize) -> Arc<Admission> {
    Admission::new(AdmissionLimits {
        statements,
        statements_per_principal: per_principal,
        queue_length,
        queue_share: "100%".parse().unwrap(),
        queue_timeout: Duration::from_secs(30),
    })
}

/// A place for a principal with this limit of its own.
async fn place(
    admission: &Arc<Admission>,
    principal: &Arc<str>,
    own: Option<usize>,
) -> Result<Place> {
    let limits = Limits {
        statements: own.map(|most| bound(most, "own")),
        ..Limits::default()
    };
    let statement = StatementId::new();
    admission.place(statement, principal, &limits, || {}).await
}

fn bound<T>(most: T, by: &str) -> Bound<T> {
    let by = by.into();
    Bound { most, by }
}

fn name(name: &str) -> Arc<str> {
    name.into()
}

#[tokio::test(start_paused = true)]
async fn places_go_round_robin_among_principals() {
    let admission = admission(1, 1, 10);
    let (a, b) = (name("a"), name("b"));
    let first = place(&admission, &a, None).await.unwrap();
    let mut a1 = Box::pin(place(&admission, &a, None));
    let mut a2 = Box::pin(place(&admission, &a, None));
    let mut b1 = Box::pin(place(&admission, &b, None));
    assert!(a1.as_mut().now_or_never().is_none());
    assert!(a2.as_mut().now_or_never().is_none());
    assert!(b1.as_mut().now_or_never().is_none());
    assert_eq!(admission.load(), (1, 3));

    drop(first);
    let place = a1.await.unwrap();
    assert!(b1.as_mut().now_or_never().is_none());
    drop(place);
    let place = b1.await.unwrap();
    assert!(a2.as_mut().now_or_never().is_none());
    drop(place);
    drop(a2.await.unwrap());
    assert_eq!(admission.load(), (0, 0));
    assert!(admission.state.lock().principals.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_principal_at_its_limit_does_not_hold_others_back() {
    let admission = admission(3, 1, 10);
    let (a, b) = (name("a"), name("b"));
    let _running = place(&admission, &a, None).await.unwrap();
    let mut waiting = Box::pin(place(&admission, &a, None));
    assert!(waiting.as_mut().now_or_never().is_none());
    let _other = place(&admission, &b, None).now_or_never().unwrap().unwrap();
    let error = waiting.await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(
        error.message(),
        "statement waited 30s for one of the 1 places of its principal"
    );
    assert_eq!(admission.load(), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_principal_may_have_a_limit_of_its_own() {
    let admission = admission(4, 2, 10);
    let (a, b) = (name("a"), name("b"));
    let first = place(&admission, &a, Some(1)).await.unwrap();
    let mut second = Box::pin(place(&admission, &a, Some(1)));
    assert!(second.as_mut().now_or_never().is_none());
    // No more than everybody may, whatever its own limit.
    let _others = [
        place(&admission, &b, Some(9)).await.unwrap(),
        place(&admission, &b, Some(9)).await.unwrap(),
    ];
    assert!(place(&admission, &b, Some(9)).now_or_never().is_none());
    drop(first);
    drop(second.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once_and_a_leaver_makes_room() {
    let admission = admission(1, 1, 1);
    let a = name("a");
    let running = place(&admission, &a, None).await.unwrap();
    let mut waiting = Box::pin(place(&admission, &a, None));
    assert!(waiting.as_mut().now_or_never().is_none());
    let refused = place(&admission, &name("b"), None).now_or_never().unwrap();
    assert_eq!(refused.err().unwrap().kind(), ErrorKind::LimitExceeded);
    drop(waiting);
    let b = name("b");
    let mut next = Box::pin(place(&admission, &b, None));
    assert!(next.as_mut().now_or_never().is_none());
    assert_eq!(admission.load(), (1, 1));
    drop(running);
    drop(next.await.unwrap());
    assert_eq!(admission.load(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_place_given_to_one_who_left_goes_to_the_next() {
    let admission = admission(1, 1, 2);
    let a = name("a");
    let running = place(&admission, &a, None).await.unwrap();
    let mut first = Box::pin(place(&admission, &a, None));
    let mut second = Box::pin(place(&admission, &a, None));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    drop(running);
    // The place lies in the channel of the first one, which never looks.
    drop(first);
    drop(second.await.unwrap());
    assert_eq!(admission.load(), (0, 0));
}

/// As [`place`], with this share of the queue.
async fn place_within(admission: &Arc<Admission>, principal: &Arc<str>, share: &str) -> Result<()> {
    let limits = Limits {
        queue_share: Some(bound(share.parse().unwrap(), "small")),
        ..Limits::default()
    };
    let statement = StatementId::new();
    let place = admission.place(statement, principal, &limits, || {});
    place.await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn no_principal_takes_more_of_the_queue_than_its_share() {
    let mut admission = admission(1, 1, 10);
    Arc::get_mut(&mut admission).unwrap().limits.queue_share = Share::HALF;
    let (a, b) = (name("a"), name("b"));
    let _running = place(&admission, &a, None).await.unwrap();
    let mut waiting: Vec<_> = (0..5)
        .map(|_| Box::pin(place(&admission, &a, None)))
        .collect();
    for statement in &mut waiting {
        assert!(statement.as_mut().now_or_never().is_none());
    }
    let refused = place(&admission, &a, None).now_or_never().unwrap();
    let error = refused.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(
        error.message(),
        "too many statements of this principal are waiting: the server allows 5"
    );
    // The rest is for others, of whom one has a share of its own: 2 of 10.
    let mut others: Vec<_> = (0..2)
        .map(|_| Box::pin(place_within(&admission, &b, "25%")))
        .collect();
    for statement in &mut others {
        assert!(statement.as_mut().now_or_never().is_none());
    }
    let refused = place_within(&admission, &b, "25%").now_or_never().unwrap();
    assert_eq!(
        refused.unwrap_err().message(),
        "too many statements of this principal are waiting: limit \"small\" allows 2"
    );
    assert_eq!(admission.load(), (1, 7));
    // Who may not wait at all is refused at once, and leaves nothing behind.
    let c = name("c");
    let refused = place_within(&admission, &c, "0%").now_or_never().unwrap();
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert!(!admission.state.lock().principals.contains_key(&c));
    // A share may not be wider than the server's.
    let wide = place_within(&admission, &a, "100%").now_or_never().unwrap();
    assert!(wide.unwrap_err().message().ends_with("the server allows 5"));
    drop(waiting.pop());
    assert!(
        Box::pin(place(&admission, &a, None))
            .now_or_never()
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_still_serves_its_principals_in_turn() {
    let admission = admission(1, 1, 4);
    let (a, b) = (name("a"), name("b"));
    let first = place(&admission, &a, None).await.unwrap();
    let mut flood: Vec<_> = (0..3)
        .map(|_| Box::pin(place(&admission, &a, None)))
        .collect();
    for statement in &mut flood {
        assert!(statement.as_mut().now_or_never().is_none());
    }
    let mut one = Box::pin(place(&admission, &b, None));
    assert!(one.as_mut().now_or_never().is_none());
    drop(first);
    drop(flood.remove(0).await.unwrap());
    // Of `a` two have waited for longer.
    assert!(flood[0].as_mut().now_or_never().is_none());
    drop(one.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_they_wait_for_and_in_which_order_is_known() {
    let admission = admission(2, 2, 10);
    let (a, b) = (name("a"), name("b"));
    let _first = place(&admission, &a, Some(1)).await.unwrap();
    let ids: Vec<_> = (0..3).map(|_| StatementId::new()).collect();
    let limits = Limits {
        statements: Some(bound(1, "small")),
        ..Limits::default()
    };
    let everybodys = Limits::default();
    let mut was_queued = false;
    let mut a1 = Box::pin(admission.place(ids[0], &a, &limits, || was_queued = true));
    assert!(a1.as_mut().now_or_never().is_none());
    let mut a2 = Box::pin(admission.place(ids[1], &a, &limits, || {}));
    assert!(a2.as_mut().now_or_never().is_none());
    let _second = place(&admission, &b, None).await.unwrap();
    let mut b1 = Box::pin(admission.place(ids[2], &b, &everybodys, || {}));
    assert!(b1.as_mut().now_or_never().is_none());
    tokio::time::advance(Duration::from_secs(3)).await;

    let waits = admission.waits();
    let own = WaitsFor::Limit {
        places: 1,
        name: name("small"),
    };
    let servers = WaitsFor::Server { places: 2 };
    let told = |id| {
        let wait: &Wait = &waits[id];
        assert_eq!(wait.waited, Duration::from_secs(3));
        (wait.waits_for.clone(), wait.place.unwrap())
    };
    assert_eq!(told(&ids[0]), (own.clone(), 1));
    assert_eq!(told(&ids[2]), (servers, 2));
    assert_eq!(told(&ids[1]), (own, 3));
    drop(a1);
    assert!(was_queued);
    assert_eq!(admission.waits().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_is_told_once_and_before_its_end() {
    let admission = admission(1, 1, 10);
    let a = name("a");
    let hear = || tokio::sync::mpsc::unbounded_channel();
    let (ear, mut heard) = hear();
    let running = WaitSender::new(ear)
        .hear(place(&admission, &a, None))
        .await
        .unwrap();
    assert!(heard.recv().await.is_none(), "it did not wait");

    let (ear, mut heard) = hear();
    let mut waiting = Box::pin(WaitSender::new(ear).hear(place(&admission, &a, None)));
    assert!(waiting.as_mut().now_or_never().is_none());
    tokio::time::advance(wait::TOLD_AFTER - Duration::from_millis(1)).await;
    assert!(waiting.as_mut().now_or_never().is_none());
    assert!(heard.try_recv().is_err(), "a short wait is not told");
    tokio::time::advance(Duration::from_millis(2)).await;
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(
        heard.try_recv().unwrap().to_string(),
        "one of the 1 places of its principal"
    );
    drop(running);
    drop(waiting.await.unwrap());
    assert!(heard.recv().await.is_none(), "once");
}
