//! Mutating calls, with every attempt at them.

/// A call, as a client wanted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which client.
    pub client: usize,
    /// The method, such as `RaiseBlocker`.
    pub method: &'static str,
    /// Its idempotency key, which is also the actor that the log names.
    pub request_id: String,
    /// What it is about, for people.
    pub about: String,
    /// Every time that it was sent, in order.
    pub attempts: Vec<Attempt>,
}

/// One time that a call was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// In which history it was sent and ended.
    pub history: usize,
    /// To which replica.
    pub replica: usize,
    /// When it was sent, in microseconds of the machine's clock.
    pub sent_us: i64,
    /// When it ended.
    pub ended_us: i64,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer.
    Answered(Answer),
    /// Refused: it has had no effect.
    Refused {
        /// The gRPC code.
        code: String,
        /// The reason in its details.
        reason: String,
        /// For people.
        message: String,
    },
    /// Nobody knows.
    Lost {
        /// What the client saw.
        cause: String,
    },
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Of its bytes.
    pub fingerprint: u64,
    /// The revision of the commit.
    pub revision: i64,
    /// True if a raise found an open blocker with its key.
    pub duplicate: bool,
    /// The meeting that it told.
    pub meeting: Option<String>,
    /// The blocker that it told: its resource name and its state.
    pub blocker: Option<(String, i32)>,
}

impl Call {
    /// The answers in a history.
    pub fn answers(&self, history: usize) -> impl Iterator<Item = (&Attempt, &Answer)> {
        self.attempts
            .iter()
            .filter(move |attempt| attempt.history == history)
            .filter_map(|attempt| match &attempt.outcome {
                Outcome::Answered(answer) => Some((attempt, answer)),
                Outcome::Refused { .. } | Outcome::Lost { .. } => None,
            })
    }

    /// The first answer in a history.
    #[must_use]
    pub fn answer(&self, history: usize) -> Option<&Answer> {
        self.answers(history).next().map(|(_, answer)| answer)
    }

    /// Whether nobody knows what became of it: it was lost, and neither answered nor surely refused.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        let answered = |attempt: &Attempt| matches!(attempt.outcome, Outcome::Answered(_));
        let lost = |attempt: &Attempt| matches!(attempt.outcome, Outcome::Lost { .. });
        !self.attempts.iter().any(answered) && self.attempts.iter().any(lost)
    }
}
