use super::{Bench, failure, step};
use crate::projector::source::{Beat, StreamState};
use crate::projector::testing::{Dice, TestLog, page_key, post, user};
use crate::projector::{Alarm, Limits, Obstacle, RoundError, Source, Step};
use millrace_events::{Position, Revision};

fn log() -> TestLog {
    let mut log = TestLog::new(5);
    log.write(post(1), user(1), "one").like(post(1), user(2)).like(post(1), user(3));
    log
}

fn position(bench: &Bench) -> u64 {
    bench.store.look(|inner| inner.checkpoint.revision.position.0)
}

#[tokio::test]
async fn the_checkpoint_tells_what_was_folded() {
    let log = log();
    let mut bench = Bench::over(&log);
    assert!(matches!(bench.step().await, Step::Folded { events: 3 }));
    let checkpoint = bench.store.look(|inner| inner.checkpoint.clone());
    let StreamState { identity, .. } = bench.source.state().await.unwrap();
    assert_eq!(checkpoint.history, Some(log.history));
    assert_eq!(checkpoint.stream, Some(identity));
    assert_eq!(checkpoint.last_event, Some(log.events[2].event_id));
    assert_eq!(checkpoint.last_at, Some(log.events[2].at));
    assert_eq!(bench.projector.checkpoint(), Some(&checkpoint));
    assert!(matches!(bench.step().await, Step::Idle));
}

#[tokio::test]
async fn an_absent_key_is_waited_for() {
    let log = log();
    let mut bench = Bench::over(&log);
    bench.source.set_key(user(1), None);
    for _ in 0..3 {
        assert!(matches!(bench.step().await, Step::Waiting(Obstacle::KeyAbsent(who)) if who == user(1)));
    }
    bench.source.set_key(user(1), log.keys.get(&user(1)).cloned());
    assert!(matches!(bench.step().await, Step::Folded { events: 3 }));
}

#[tokio::test]
async fn what_lies_before_an_absent_key_is_folded() {
    let mut log = log();
    log.write_and_like(post(2), user(2), "two");
    let mut bench = Bench::over(&log);
    bench.source.set_key(user(2), None);
    assert!(matches!(bench.step().await, Step::Folded { events: 3 }));
    assert!(matches!(bench.step().await, Step::Waiting(Obstacle::KeyAbsent(_))));
}

#[tokio::test]
async fn half_a_command_is_waited_for() {
    let mut log = log();
    log.write_and_like(post(2), user(1), "two");
    let mut bench = Bench::over(&log);
    bench.source.replace(&log.until(4));
    assert!(matches!(bench.step().await, Step::Folded { events: 3 }));
    assert!(matches!(bench.step().await, Step::Waiting(Obstacle::HalfCommand(Position(4)))));
    bench.source.replace(&log);
    assert!(matches!(bench.step().await, Step::Folded { events: 2 }));
}

#[tokio::test]
async fn an_event_that_cannot_be_decoded_stops_after_what_lies_before() {
    let mut log = log();
    log.events[2].schema_version = 99;
    let mut bench = Bench::over(&log);
    assert!(matches!(bench.step().await, Step::Folded { events: 2 }));
    for _ in 0..2 {
        let error = failure(&mut bench.projector).await;
        assert!(matches!(error, RoundError::Alarm(Alarm::Undecodable { position: Position(3), .. })), "{error:?}");
    }
    assert_eq!(position(&bench), 2);
}

#[tokio::test]
async fn of_two_projectors_at_once_one_loses_the_compare_and_goes_on() {
    let mut log = log();
    let mut bench = Bench::over(&log);
    let mut other = bench.another(Limits::default());
    bench.drain().await;
    assert!(matches!(step(&mut other).await, Step::Idle));
    for number in 0..5 {
        log.like(post(1), user(10 + number));
        bench.source.replace(&log);
        assert!(matches!(bench.step().await, Step::Folded { events: 1 }));
        assert!(matches!(step(&mut other).await, Step::CompareLost));
        assert!(matches!(step(&mut other).await, Step::Idle));
    }
    let likes = bench.store.look(|inner| format!("{:?}", inner.documents[&page_key(post(1))].document));
    assert!(likes.contains("likes: 7"), "each like counts once: {likes}");
}

#[tokio::test]
async fn documents_kept_from_before_another_projector_folded_are_not_used() {
    let mut log = log();
    let mut bench = Bench::over(&log);
    let mut other = bench.another(Limits::default());
    bench.drain().await;
    step(&mut other).await;
    log.like(post(1), user(4)).like(post(1), user(5));
    bench.source.replace(&log);
    step(&mut other).await;
    log.like(post(1), user(6));
    bench.source.replace(&log);
    bench.projector.tick();
    bench.drain().await;
    let document = bench.store.look(|inner| format!("{:?}", inner.documents[&page_key(post(1))].document));
    assert!(document.contains("likes: 5"), "{document}");
}

#[tokio::test]
async fn a_commit_that_is_too_large_is_halved_until_it_fits() {
    let mut log = TestLog::new(5);
    for number in 0..16 {
        log.write(post(number), user(number), "text");
    }
    let mut bench = Bench::over(&log);
    bench.store.look(|inner| inner.documents_max = 8);
    bench.drain().await;
    let sizes = bench.store.look(|inner| inner.commits.iter().map(|c| c.revision.position.0).collect::<Vec<_>>());
    assert_eq!((sizes[0], *sizes.last().unwrap()), (4, 16), "each event writes two documents: {sizes:?}");
}

#[tokio::test]
async fn a_command_that_never_fits_stops() {
    let mut log = TestLog::new(5);
    log.follow(user(1), user(2)).write(post(1), user(1), "text");
    let mut bench = Bench::over(&log);
    bench.store.look(|inner| inner.documents_max = 1);
    let mut last = bench.projector.round(1).await;
    for _ in 0..5 {
        last = bench.projector.round(1).await;
    }
    let error = last.unwrap_err();
    assert!(matches!(error, RoundError::Alarm(Alarm::TooLarge { position: Position(2), .. })), "{error:?}");
}

#[tokio::test]
async fn a_doubtful_commit_is_counted_once_whether_it_was_done_or_not() {
    for seed in 0..200 {
        let mut log = TestLog::new(5);
        log.write(post(1), user(1), "one");
        for number in 0..9 {
            log.like(post(1), user(number));
        }
        let mut bench = Bench::with(&log, Limits { batch_events: 2, ..Limits::default() });
        bench.store.look(|inner| inner.dice = Some(Dice::new(seed)));
        let mut rounds = 0;
        while position(&bench) < 10 {
            let _ = bench.projector.round(1).await;
            rounds += 1;
            assert!(rounds < 1_000, "it never gets there");
        }
        let document = bench.store.look(|inner| format!("{:?}", inner.documents[&page_key(post(1))].document));
        assert!(document.contains("likes: 9"), "seed {seed}: {document}");
    }
}

#[tokio::test]
async fn a_log_that_went_back_is_noticed_at_the_checkpoint_on_the_next_tick() {
    let log = log();
    let mut bench = Bench::over(&log);
    bench.drain().await;
    let mut other = log.branch(2, 5);
    other.like(post(1), user(9));
    bench.source.replace(&other);
    bench.projector.tick();
    let error = failure(&mut bench.projector).await;
    assert!(matches!(error, RoundError::Alarm(Alarm::AnotherEvent { position: Position(3), .. })), "{error:?}");
    assert!(failure(&mut bench.projector).await.to_string().contains("stops"), "it does not forget");
}

#[tokio::test]
async fn a_log_that_went_back_and_on_is_noticed_by_the_predecessor() {
    let log = log();
    let mut bench = Bench::over(&log);
    bench.drain().await;
    let mut other = log.branch(2, 5);
    other.like(post(1), user(9)).like(post(1), user(8));
    bench.source.put(other.messages()[3].clone());
    let error = failure(&mut bench.projector).await;
    assert!(matches!(error, RoundError::Alarm(Alarm::ChainBroken { position: Position(4), .. })), "{error:?}");
}

#[tokio::test]
async fn a_stream_made_anew_from_the_same_log_is_read_on() {
    let mut log = log();
    let mut bench = Bench::over(&log);
    bench.drain().await;
    bench.source.replace(&log.until(1));
    bench.projector.tick();
    assert!(matches!(bench.step().await, Step::Waiting(Obstacle::TailLost { .. })));
    log.like(post(1), user(7));
    bench.source.replace(&log);
    assert!(matches!(bench.step().await, Step::Folded { events: 1 }));
    let identity = bench.source.state().await.unwrap().identity;
    assert_eq!(bench.store.look(|inner| inner.checkpoint.stream.clone()), Some(identity));
}

#[tokio::test]
async fn a_stranger_and_a_hole_are_waited_for() {
    let log = log();
    let mut bench = Bench::over(&log);
    bench.source.put_stranger(2);
    assert!(matches!(bench.step().await, Step::Folded { events: 1 }));
    assert!(matches!(bench.step().await, Step::Waiting(Obstacle::Stranger(Position(2)))));
    bench.source.lose(2);
    assert!(matches!(bench.step().await, Step::Waiting(Obstacle::Hole(Position(2)))));
    bench.source.replace(&log);
    assert!(matches!(bench.step().await, Step::Folded { events: 2 }));
}

#[tokio::test]
async fn beats_of_a_log_that_ends_before_the_checkpoint_stop() {
    let log = log();
    let mut bench = Bench::over(&log);
    bench.drain().await;
    let mut alarm = None;
    for second in 0..6 {
        let at = log.events[second % 3].at;
        bench.source.set_beat(Beat { history: log.history, head: Position(1), last: Position(second as u64), at });
        bench.projector.tick();
        alarm = bench.projector.round(1).await.err();
    }
    assert!(matches!(alarm, Some(RoundError::Alarm(Alarm::AheadOfLog { .. }))), "{alarm:?}");
}

#[tokio::test]
async fn another_fold_version_is_left_alone() {
    let mut bench = Bench::over(&log());
    bench.drain().await;
    let before = bench.store.look(|inner| {
        inner.checkpoint.fold_version = 2;
        inner.checkpoint.clone()
    });
    bench.projector.tick();
    let error = failure(&mut bench.projector).await;
    let history = before.history;
    assert!(
        matches!(error, RoundError::Alarm(Alarm::EarlierFold { found: 2, own: 3, history: of, .. }) if of == history),
        "{error:?}"
    );
    assert_eq!(bench.store.look(|inner| inner.checkpoint.clone()), before);
    bench.store.look(|inner| inner.checkpoint.fold_version = 4);
    let error = failure(&mut bench.projector).await;
    assert!(matches!(error, RoundError::Alarm(Alarm::LaterFold { found: 4, own: 3, .. })), "{error:?}");
}

#[tokio::test]
async fn a_retired_generation_is_folded_on() {
    let mut log = log();
    let mut bench = Bench::over(&log);
    bench.drain().await;
    bench.store.look(|inner| inner.checkpoint.retired = true);
    log.like(post(1), user(7));
    bench.source.replace(&log);
    assert!(matches!(bench.step().await, Step::CompareLost), "it did not know");
    assert!(matches!(bench.step().await, Step::Folded { events: 1 }));
    assert!(bench.store.look(|inner| inner.checkpoint.retired));
}

#[tokio::test]
async fn too_many_open_fan_outs_keep_events_away() {
    let mut log = TestLog::new(5);
    log.write(post(1), user(1), "one");
    for author in 1..=4 {
        log.rename(user(author), "again");
    }
    log.like(post(1), user(1));
    let limits = Limits { batch_events: 4, open_fan_outs: 2, ..Limits::default() };
    let mut bench = Bench::with(&log, limits);
    bench.step().await;
    let steps = [bench.step().await, bench.step().await, bench.step().await];
    assert!(matches!(steps, [Step::Spread, Step::Spread, Step::Folded { .. }]), "{steps:?}");
    bench.drain().await;
    assert_eq!(bench.store.look(|inner| inner.checkpoint.revision), Revision { position: Position(6), n: 2 });
}

#[tokio::test]
async fn a_name_that_is_changed_again_and_again_spreads_once() {
    let mut log = TestLog::new(5);
    log.write(post(1), user(1), "one");
    for _ in 0..4 {
        log.rename(user(1), "again");
    }
    let mut bench = Bench::over(&log);
    bench.step().await;
    let open: Vec<_> = bench.store.look(|inner| inner.checkpoint.open.iter().map(|fan_out| fan_out.position).collect());
    assert_eq!(open, [Position(5)]);
    bench.drain().await;
    assert_eq!(bench.store.look(|inner| inner.checkpoint.revision), Revision { position: Position(5), n: 1 });
}
