//! Violations of E7 that are put in.

use echelon_api::v1::BlockerState;

use super::{called, caught};
use crate::{
    check::Guarantee::E7,
    record::{Answer, Call, Outcome},
};

fn answer(call: &mut Call, attempt: usize) -> &mut Answer {
    match &mut call.attempts[attempt].outcome {
        Outcome::Answered(answer) => answer,
        other => panic!("it was {other:?}"),
    }
}

fn refused(reason: &str) -> Outcome {
    Outcome::Refused {
        code: "FailedPrecondition".to_owned(),
        reason: reason.to_owned(),
        message: String::new(),
    }
}

#[test]
fn e7_a_retry_with_another_answer_is_caught() {
    caught(E7, |record| {
        answer(called(record, "Comment"), 2).fingerprint += 1;
    });
}

#[test]
fn e7_a_retry_that_is_refused_is_caught() {
    caught(E7, |record| {
        called(record, "Comment").attempts[2].outcome = refused("BLOCKER_CLOSED");
    });
    caught(E7, |record| {
        called(record, "Comment").attempts[0].outcome = refused("REQUEST_ID_REUSED");
    });
}

#[test]
fn e7_a_second_effect_is_caught() {
    caught(E7, |record| {
        let log = &mut record.histories[1].log;
        let commented = log.iter().find(|event| event.actor == "comment").unwrap();
        let mut again = commented.clone();
        again.revision = log.last().unwrap().revision + 1;
        log.push(again);
    });
}

#[test]
fn e7_a_second_raise_of_an_anonymous_call_is_caught() {
    caught(E7, |record| {
        let log = &mut record.histories[1].log;
        let raised = log.iter().find(|event| {
            crate::check::change(event)
                .and_then(|changed| changed.content.as_ref())
                .is_some_and(|content| content.title == "anonymous")
        });
        let mut again = raised.unwrap().clone();
        again.revision = log.last().unwrap().revision + 1;
        log.push(again);
    });
}

#[test]
fn e7_an_effect_of_a_refused_call_is_caught() {
    caught(E7, |record| {
        for attempt in &mut called(record, "Resolve").attempts {
            attempt.outcome = refused("WRONG_STATE");
        }
    });
}

#[test]
fn e7_an_answer_that_tells_another_revision_or_state_than_the_log_is_caught() {
    caught(E7, |record| {
        for attempt in 1..3 {
            answer(called(record, "Resolve"), attempt).revision += 1;
        }
    });
    caught(E7, |record| {
        for attempt in 1..3 {
            let told = answer(called(record, "Resolve"), attempt).blocker.as_mut();
            told.unwrap().1 = BlockerState::Raised.into();
        }
    });
}

#[test]
fn e7_an_answer_that_a_restore_changes_is_caught() {
    caught(E7, |record| {
        let mut after = called(record, "Raise").attempts[1].clone();
        after.history = 1;
        if let Outcome::Answered(answer) = &mut after.outcome {
            answer.fingerprint += 1;
        }
        called(record, "Raise").attempts.push(after);
    });
}
