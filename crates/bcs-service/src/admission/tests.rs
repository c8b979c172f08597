use proptest::prelude::*;
use tokio::time::{sleep, timeout};

use super::*;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

fn admission(upload_bytes: u64, pixel_bytes: u64, wait: Duration) -> Admission {
    Admission::new(AdmissionLimits { upload_bytes, pixel_bytes, wait })
}

fn later(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

async fn admit(admission: &Admission, bytes: u64) -> Result<Ticket, Refused> {
    admission.admit(bytes, later(60), CancellationToken::new()).await
}

#[tokio::test]
async fn a_ticket_holds_memory_until_it_is_dropped() {
    let admission = admission(32 * MIB, 64 * MIB, Duration::from_millis(10));
    let mut ticket = admit(&admission, 10 * MIB).await.unwrap();
    ticket.decode(30 * MIB + 1).await.unwrap();
    assert_eq!(admission.in_use(), InUse { upload_bytes: 10 * MIB, pixel_bytes: 30 * MIB + KIB });
    ticket.check().unwrap();
    assert_eq!(admit(&admission, 10 * MIB).await.unwrap_err(), Refused::Busy { retry_after: 1 });
    drop(ticket);
    assert_eq!(admission.in_use(), InUse { upload_bytes: 0, pixel_bytes: 0 });
    assert!(admit(&admission, 10 * MIB).await.is_ok());
}

#[tokio::test]
async fn what_never_fits_is_refused_at_once() {
    let admission = admission(32 * MIB, 64 * MIB, Duration::from_secs(60));
    let refused = admit(&admission, 16 * MIB + 1).await.unwrap_err();
    assert_eq!(refused, Refused::TooLarge { bytes: 16 * MIB + 1, limit: 16 * MIB });
    assert_eq!((admission.largest_upload(), admission.largest_image()), (16 * MIB, 48 * MIB));
    let mut ticket = admit(&admission, 1).await.unwrap();
    assert!(matches!(ticket.decode(u64::MAX).await, Err(Refused::TooLarge { .. })));
}

#[tokio::test]
async fn small_requests_do_not_wait_for_large_ones() {
    let admission = admission(32 * MIB, 64 * MIB, Duration::from_secs(60));
    let mut large = admit(&admission, 16 * MIB).await.unwrap();
    large.decode(48 * MIB).await.unwrap();
    let waiting = admit(&admission, 2 * MIB);
    let tile = async {
        let mut tile = admit(&admission, 100_000).await.unwrap();
        tile.decode(MIB).await.unwrap();
    };
    tokio::select! {
        biased;
        _ = waiting => panic!("there is no memory for a second large upload"),
        () = tile => {}
    }
}

#[tokio::test]
async fn requests_are_admitted_in_the_order_of_arrival() {
    let admission = admission(32 * MIB, 64 * MIB, Duration::from_secs(60));
    let first = admit(&admission, 12 * MIB).await.unwrap();
    let (sender, mut order) = tokio::sync::mpsc::unbounded_channel();
    for (name, bytes) in [("large", 16 * MIB), ("medium", 3 * MIB)] {
        let (admission, sender) = (admission.clone(), sender.clone());
        tokio::spawn(async move {
            let ticket = admit(&admission, bytes).await.unwrap();
            sender.send(name).unwrap();
            drop(ticket);
        });
        tokio::task::yield_now().await;
    }
    // The medium one would fit, but it came later.
    assert!(timeout(Duration::from_millis(50), order.recv()).await.is_err());
    drop(first);
    assert_eq!((order.recv().await, order.recv().await), (Some("large"), Some("medium")));
}

#[tokio::test]
async fn cancellation_and_deadline_end_a_wait_and_leave_the_queue() {
    let admission = admission(32 * MIB, 64 * MIB, Duration::from_secs(60));
    let held = admit(&admission, 16 * MIB).await.unwrap();
    let token = CancellationToken::new();
    let waiting = tokio::spawn({
        let (admission, token) = (admission.clone(), token.clone());
        async move { admission.admit(16 * MIB, later(60), token).await }
    });
    tokio::task::yield_now().await;
    token.cancel();
    assert_eq!(waiting.await.unwrap().unwrap_err(), Refused::Cancelled);

    let soon = Instant::now() + Duration::from_millis(20);
    let refused = admission.admit(16 * MIB, soon, CancellationToken::new()).await.unwrap_err();
    assert_eq!(refused, Refused::Deadline);
    let dropped = timeout(Duration::from_millis(10), admit(&admission, 16 * MIB)).await;
    assert!(dropped.is_err());

    drop(held);
    assert!(timeout(Duration::from_secs(5), admit(&admission, 16 * MIB)).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_cancelled_ticket_says_so() {
    let admission = admission(32 * MIB, 64 * MIB, Duration::from_secs(60));
    let token = CancellationToken::new();
    let mut ticket = admission.admit(10, later(60), token.clone()).await.unwrap();
    token.cancel();
    assert_eq!((ticket.check(), ticket.refused().await), (Err(Refused::Cancelled), Refused::Cancelled));
    assert_eq!(ticket.decode(10).await, Err(Refused::Cancelled));
    let late = admission.admit(10, Instant::now(), CancellationToken::new()).await.unwrap();
    assert_eq!((late.check(), late.refused().await), (Err(Refused::Deadline), Refused::Deadline));
}

#[tokio::test]
async fn a_stalled_upload_gives_way_to_one_that_waits() {
    let admission = admission(32 * MIB, 64 * MIB, Duration::from_secs(20));
    let stalled = admit(&admission, 16 * MIB).await.unwrap();
    let waiting = tokio::spawn({
        let admission = admission.clone();
        async move { admit(&admission, 16 * MIB).await }
    });
    assert_eq!(timeout(Duration::from_secs(5), stalled.refused()).await, Ok(Refused::Slow));
    assert_eq!(stalled.check(), Err(Refused::Slow));
    drop(stalled);
    assert!(waiting.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_stalled_upload_continues_while_nobody_waits() {
    let admission = admission(32 * MIB, 64 * MIB, Duration::from_millis(700));
    let mut stalled = admit(&admission, 10 * MIB).await.unwrap();
    sleep(Duration::from_millis(600)).await;
    stalled.check().unwrap();
    // Complete uploads keep their memory, however long they are worked on.
    stalled.decode(MIB).await.unwrap();
    assert_eq!(admit(&admission, 10 * MIB).await.unwrap_err(), Refused::Busy { retry_after: 1 });
    stalled.check().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Requests of any size that come, wait, leave and are abandoned never hold more than the limits, and return all.
    #[test]
    fn never_more_than_the_limits_is_in_use(
        requests in prop::collection::vec((0u64..20 * MIB, 0u64..80 * MIB, 0u64..6, 0u64..12), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let outcome: Result<(), TestCaseError> = runtime.block_on(async {
            let admission = admission(32 * MIB, 64 * MIB, Duration::from_millis(5));
            let within = |admission: &Admission| {
                let in_use = admission.in_use();
                in_use.upload_bytes <= 32 * MIB && in_use.pixel_bytes <= 64 * MIB
            };
            let tasks: Vec<_> = requests.into_iter().map(|(upload, pixels, work, patience)| {
                let admission = admission.clone();
                tokio::spawn(async move {
                    let request = async {
                        let mut ticket = admit(&admission, upload).await?;
                        sleep(Duration::from_millis(work)).await;
                        ticket.decode(pixels).await?;
                        let held = admission.in_use();
                        sleep(Duration::from_millis(work)).await;
                        Ok::<_, Refused>(held.upload_bytes >= upload && held.pixel_bytes >= pixels)
                    };
                    let answered = timeout(Duration::from_millis(patience), request).await;
                    (within(&admission), answered.ok().and_then(Result::ok).unwrap_or(true))
                })
            }).collect();
            for task in tasks {
                prop_assert_eq!(task.await.unwrap(), (true, true));
            }
            prop_assert_eq!(admission.in_use(), InUse { upload_bytes: 0, pixel_bytes: 0 });
            Ok(())
        });
        outcome?;
    }
}
