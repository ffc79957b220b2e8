//! Folding a log that comes from elsewhere: what [`Organization::apply`] takes for granted is checked for every event,
//! so that no log can break a guarantee, whoever wrote it.

mod blocker;
mod counters;
mod meeting;
mod policy;
mod tree;

use crate::{
    blocker::{Blocker, ChangeKind},
    check::{self, Completeness, Violation},
    decide::about::{about, parent_before},
    error::Error,
    event::{Event, Payload},
    id::{BlockerNumber, MeetingNumber, NodeId, OrganizationId},
    organization::Organization,
    time::Timestamp,
};

/// The highest number of a blocker or a meeting: whatever counts on from there has room, and JSON keeps it exact.
const NUMBER_MAX: i64 = 1 << 53;

/// A log in the middle of being folded.
#[derive(Clone, Debug)]
pub struct Replay {
    state: Organization,
    /// Index that the next event of the same revision must have.
    next_index: i32,
    /// When the blocker with the highest number was raised.
    raised_at: Timestamp,
}

impl Replay {
    /// Before the first event.
    #[must_use]
    pub fn new(id: OrganizationId) -> Self {
        Self {
            state: Organization::empty(id),
            next_index: 0,
            raised_at: Timestamp::MIN,
        }
    }

    /// What the events so far fold to.
    #[must_use]
    pub const fn organization(&self) -> &Organization {
        &self.state
    }

    /// The closed blocker that an event is about and that must be taken in with [`Replay::recall`] before it is folded,
    /// if it exists.
    #[must_use]
    pub fn missing(&self, event: &Event) -> Option<BlockerNumber> {
        match &event.payload {
            Payload::BlockerChanged(change)
                if change.number < self.state.next_blocker()
                    && self.state.blocker(change.number).is_err() =>
            {
                Some(change.number)
            }
            _ => None,
        }
    }

    /// Takes a closed blocker in. Does not change the state.
    pub fn recall(&mut self, blocker: Blocker) {
        self.state.recall(vec![blocker], Vec::new());
    }

    /// Lets go of a blocker and a meeting, if they are closed for good. Does not change the state.
    pub fn retire(&mut self, blocker: Option<BlockerNumber>, meeting: Option<MeetingNumber>) {
        self.state.retire(blocker, meeting);
    }

    /// Folds the next event. Errors: what about it does not fit, and what to do; the replay must not go on then.
    pub fn fold(&mut self, event: &Event) -> Result<(), Error> {
        self.check_order(event)?;
        self.check(event)?;
        let parent_before = parent_before(&self.state, &event.payload);
        self.state.apply(event)?;
        self.next_index = event.index + 1;
        self.confirm(event, parent_before.as_ref())
    }

    /// The state at the end of the log. Errors: what does not hold, and what to do.
    pub fn finish(self) -> Result<Organization, Error> {
        let root = &self.state.profile()?.root;
        if self
            .state
            .policy_attached_to(&self.state.tree().require(root)?.id)
            .is_none()
        {
            return Err(Error::field(
                "events",
                format!("attach no policy to the root `{root}`: every node needs one above it"),
            ));
        }
        match check::check(&self.state, Completeness::LiveOnly).first() {
            None => Ok(self.state),
            Some(Violation { guarantee, message }) => Err(Error::field(
                "events",
                format!(
                    "end in a state that breaks {guarantee}: {message}: add the events that mend it"
                ),
            )),
        }
    }

    fn check_order(&self, event: &Event) -> Result<(), Error> {
        let revision = self.state.revision();
        let follows = if event.index == 0 {
            event.revision == revision + 1
        } else {
            event.revision == revision && event.index == self.next_index
        };
        if !follows {
            return Err(Error::field(
                "revision",
                format!(
                    "{}/{} cannot follow {revision}/{}: number revisions from 1 and events within one from 0, without gaps",
                    event.revision,
                    event.index,
                    self.next_index - 1
                ),
            ));
        }
        if event.index == i32::MAX {
            return Err(Error::field("index", "is too high: begin a new revision"));
        }
        if event.at < self.state.time() {
            return Err(Error::field(
                "time",
                format!(
                    "is {}, earlier than that of the event before it ({}): write events in the order of their times",
                    event.at,
                    self.state.time()
                ),
            ));
        }
        if event.index > 0 && event.at != self.state.time() {
            return Err(Error::field(
                "time",
                "differs from that of its revision: give all events of a revision one time",
            ));
        }
        let is_creation = matches!(event.payload, Payload::OrganizationCreated(_));
        if is_creation == self.state.exists() {
            return Err(Error::field(
                "payload",
                "must be organization_created in the first event and in no other",
            ));
        }
        if let Some(actor) = &event.actor {
            crate::text::check_line("actor", actor, crate::text::BODY_MAX)?;
        }
        Ok(())
    }

    /// What must hold before.
    fn check(&mut self, event: &Event) -> Result<(), Error> {
        let state = &self.state;
        match &event.payload {
            Payload::OrganizationCreated(profile) | Payload::OrganizationUpdated(profile) => {
                tree::check_profile(state, profile)
            }
            Payload::NodeCreated(node) => tree::check_created(state, node),
            Payload::NodeUpdated(node) => tree::check_updated(state, node),
            Payload::NodeMoved { node, from } => tree::check_moved(state, node, from),
            Payload::NodeArchived(node) => tree::check_archived(state, node),
            Payload::NodeRestored(node) => tree::check_restored(state, node),
            Payload::PolicyCreated { policy, version } => {
                policy::check_created(state, policy, version)
            }
            Payload::PolicyUpdated { policy, version } => {
                policy::check_updated(state, policy, version)
            }
            Payload::BlockerChanged(change) => {
                blocker::check(state, change, event, &mut self.raised_at)
            }
            Payload::MeetingOpened(meeting) => meeting::check_opened(state, meeting, event),
            Payload::CheckInSubmitted { meeting, check_in } => {
                meeting::check_check_in(state, *meeting, check_in)
            }
            Payload::MeetingClosed(meeting) => meeting::check_closed(state, meeting, event),
            Payload::CountersRepaired(repaired) => counters::check_repaired(state, repaired),
        }
    }

    /// What must hold after.
    fn confirm(&self, event: &Event, parent_before: Option<&NodeId>) -> Result<(), Error> {
        if let Payload::BlockerChanged(change) = &event.payload {
            let blocker = self.state.blocker(change.number)?;
            if let Some((guarantee, message)) = check::check_blocker(&self.state, blocker)
                .into_iter()
                .next()
            {
                return Err(Error::field(
                    "status",
                    format!(
                        "breaks {guarantee}: {} {message}: correct its status",
                        change.number
                    ),
                ));
            }
        }
        if self.is_about_one_path(event) {
            return Ok(());
        }
        let about = about(&self.state, &event.payload, parent_before);
        if event.nodes != about {
            let listed: Vec<&str> = about.iter().map(|node| node.as_str()).collect();
            return Err(Error::field(
                "nodes",
                format!(
                    "must list the nodes that the event is about with all above them, nearest first: {}",
                    listed.join(", ")
                ),
            ));
        }
        Ok(())
    }

    /// True if the nodes are those above the origin of a blocker that one of them holds: what most events are about.
    fn is_about_one_path(&self, event: &Event) -> bool {
        let Payload::BlockerChanged(change) = &event.payload else {
            return false;
        };
        !matches!(change.kind, ChangeKind::Moved(_))
            && event.nodes.contains(&change.status.holder)
            && self.state.blocker(change.number).is_ok_and(|blocker| {
                let path = self.state.tree().path_up(&blocker.content.origin);
                path.eq(&event.nodes)
            })
    }
}
