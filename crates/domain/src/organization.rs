//! The state of one organization: an immutable snapshot that is cheap to clone.
//!
//! [`Organization::apply`] is the only way it changes. The live service, the replay of the log and the property tests
//! share it, so folding the log gives the state (E9).

mod apply;
mod index;
mod names;
mod standing;

use std::{ops::RangeBounds, sync::Arc};

use imbl::{HashMap, OrdMap, OrdSet};

use crate::{
    attention::Rank,
    blocker::Blocker,
    counters::Counters,
    error::Error,
    id::{BlockerNumber, MeetingNumber, NodeId, OrganizationId, PolicyId},
    meeting::Meeting,
    policy::{CompiledVersion, Policy, Version},
    profile::{Profile, Settings},
    time::Timestamp,
    tree::Tree,
};
use index::Index;
pub use names::Names;
use standing::Standings;
pub use standing::{Standing, is_put_back};

/// The state of one organization at one revision. Holds the live blockers (open, or resolved and unverified) and the
/// open meetings; closed ones come in with [`Organization::recall`] when a command needs them.
#[derive(Clone, Debug)]
pub struct Organization {
    id: OrganizationId,
    revision: i64,
    time: Timestamp,
    profile: Option<Arc<Profile>>,
    tree: Tree,
    policies: OrdMap<PolicyId, Arc<Policy>>,
    versions: OrdMap<(PolicyId, i64), Arc<CompiledVersion>>,
    policy_at: HashMap<NodeId, PolicyId>,
    blockers: OrdMap<BlockerNumber, Arc<Blocker>>,
    meetings: OrdMap<MeetingNumber, Arc<Meeting>>,
    tallies: HashMap<NodeId, Arc<Tally>>,
    next_blocker: i64,
    next_meeting: i64,
    index: Index,
    standings: Standings,
    /// Revision at which it was restored: what changed before is not known.
    restored_at: i64,
}

/// What is kept for one node, in one place: what happens to a blocker changes several of these for the same nodes.
#[derive(Clone, Debug, Default)]
struct Tally {
    /// Over its whole subtree.
    counters: Counters,
    /// Over its whole subtree.
    standing: Standing,
    /// The blockers at hand that it raised itself.
    raised: OrdSet<BlockerNumber>,
    /// The open blockers that it holds itself.
    held: OrdSet<BlockerNumber>,
    /// The ranks of what it holds and has to verify itself, as far as it needs attention.
    ranked: OrdSet<Rank>,
}

impl Tally {
    /// Equal in all that is not as of an instant.
    fn is_same(&self, other: &Self) -> bool {
        let Self {
            counters,
            standing: _,
            raised,
            held,
            ranked: _,
        } = self;
        *counters == other.counters && *raised == other.raised && *held == other.held
    }
}

impl PartialEq for Organization {
    /// Equal in state; what is derived from it, and as of when, does not count.
    fn eq(&self, other: &Self) -> bool {
        let Self {
            id,
            revision,
            time,
            profile,
            tree,
            policies,
            versions,
            policy_at,
            blockers,
            meetings,
            tallies: _,
            next_blocker,
            next_meeting,
            index,
            standings: _,
            restored_at: _,
        } = self;
        *id == other.id
            && *revision == other.revision
            && *time == other.time
            && *profile == other.profile
            && *tree == other.tree
            && *policies == other.policies
            && *versions == other.versions
            && *policy_at == other.policy_at
            && *blockers == other.blockers
            && *meetings == other.meetings
            && *next_blocker == other.next_blocker
            && *next_meeting == other.next_meeting
            && *index == other.index
            && tree.iter().all(|node| {
                let [ours, theirs] = [self, other].map(|of| of.tallies.get(&node.id));
                let none = Arc::default();
                ours.unwrap_or(&none).is_same(theirs.unwrap_or(&none))
            })
    }
}

/// What a snapshot is restored from: rows as they were stored.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Id.
    pub id: OrganizationId,
    /// Revision of the newest event.
    pub revision: i64,
    /// Time of the newest event.
    pub time: Timestamp,
    /// What the organization says of itself.
    pub profile: Profile,
    /// Every node, archived ones included.
    pub nodes: Vec<Node>,
    /// Every policy.
    pub policies: Vec<Policy>,
    /// Every version of every policy.
    pub versions: Vec<Version>,
    /// The live blockers.
    pub blockers: Vec<Arc<Blocker>>,
    /// The open meetings.
    pub meetings: Vec<Meeting>,
    /// The counters of each node; a missing one is all zeros.
    pub counters: Vec<(NodeId, Counters)>,
    /// Number of the next blocker.
    pub next_blocker: i64,
    /// Number of the next meeting.
    pub next_meeting: i64,
}

use crate::node::Node;

impl Organization {
    /// An organization before its first event.
    #[must_use]
    pub fn empty(id: OrganizationId) -> Self {
        Self {
            id,
            revision: 0,
            time: Timestamp::MIN,
            profile: None,
            tree: Tree::default(),
            policies: OrdMap::new(),
            versions: OrdMap::new(),
            policy_at: HashMap::new(),
            blockers: OrdMap::new(),
            meetings: OrdMap::new(),
            tallies: HashMap::new(),
            next_blocker: 1,
            next_meeting: 1,
            index: Index::default(),
            standings: Standings::default(),
            restored_at: 0,
        }
    }

    /// An organization from its stored rows.
    #[must_use]
    pub fn restore(parts: Parts) -> Self {
        let Parts {
            id,
            revision,
            time,
            profile,
            nodes,
            policies,
            versions,
            blockers,
            meetings,
            counters,
            next_blocker,
            next_meeting,
        } = parts;
        let mut organization = Self {
            revision,
            time,
            profile: Some(Arc::new(profile)),
            next_blocker,
            next_meeting,
            restored_at: revision,
            ..Self::empty(id)
        };
        organization.standings.as_of = time;
        let mut names = Names::default();
        for node in nodes {
            organization.tree.put(names.node(node));
        }
        for policy in policies {
            organization.put_policy(policy);
        }
        for version in versions {
            organization.put_version(version);
        }
        for (node, counters) in counters {
            let node = organization
                .tree
                .get(&node)
                .map_or(node, |of| of.id.clone());
            organization.tally(&node).counters = names.counters(counters);
        }
        for mut blocker in blockers {
            names.blocker(Arc::make_mut(&mut blocker));
            organization.take_in(blocker);
        }
        organization.recall(Vec::new(), meetings);
        organization
    }

    /// Takes closed blockers and meetings in, so that commands can find them. Does not change the state.
    pub fn recall(&mut self, blockers: Vec<Blocker>, meetings: Vec<Meeting>) {
        for blocker in blockers {
            self.take_in(Arc::new(blocker));
        }
        for meeting in meetings {
            if !self.meetings.contains_key(&meeting.number) {
                self.index.insert_meeting(&meeting);
                self.meetings.insert(meeting.number, Arc::new(meeting));
            }
        }
    }

    /// Lets go of these blockers and meetings if they are closed for good. Does not change the state.
    pub fn retire(
        &mut self,
        blockers: impl IntoIterator<Item = BlockerNumber>,
        meetings: impl IntoIterator<Item = MeetingNumber>,
    ) {
        for number in blockers {
            if let Some(blocker) = self.blockers.get(&number).cloned()
                && !blocker.is_live()
            {
                self.index_as(Some(&blocker), None);
                self.blockers.remove(&number);
            }
        }
        for number in meetings {
            if let Some(meeting) = self.meetings.get(&number).cloned()
                && meeting.closed_at.is_some()
            {
                self.index.remove_meeting(&meeting);
                self.meetings.remove(&number);
            }
        }
    }

    /// Id.
    #[must_use]
    pub const fn id(&self) -> &OrganizationId {
        &self.id
    }

    /// Revision of the newest event; 0 before the first.
    #[must_use]
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// Time of the newest event.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// True once it is created.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.profile.is_some()
    }

    /// What it says of itself. Errors: [`Error::NotFound`] before it is created.
    pub fn profile(&self) -> Result<&Arc<Profile>, Error> {
        self.profile
            .as_ref()
            .ok_or_else(|| Error::not_found("organization", &self.id))
    }

    /// Its settings; the defaults before it is created.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.profile
            .as_ref()
            .map_or_else(Settings::default, |profile| profile.settings.clone())
    }

    /// Its nodes.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Every policy, by id.
    pub fn policies(&self) -> impl Iterator<Item = &Arc<Policy>> {
        self.policies.values()
    }

    /// A policy. Errors: [`Error::NotFound`].
    pub fn policy(&self, id: &PolicyId) -> Result<&Arc<Policy>, Error> {
        self.policies
            .get(id)
            .ok_or_else(|| Error::not_found("policy", id))
    }

    /// A version of a policy. Errors: [`Error::NotFound`].
    pub fn version(&self, id: &PolicyId, number: i64) -> Result<&Arc<CompiledVersion>, Error> {
        self.versions
            .get(&(id.clone(), number))
            .ok_or_else(|| Error::not_found("policy version", format!("{id}/versions/{number}")))
    }

    /// The versions of a policy, oldest first.
    pub fn versions(
        &self,
        id: &PolicyId,
    ) -> impl DoubleEndedIterator<Item = &Arc<CompiledVersion>> {
        self.versions
            .range((id.clone(), 0)..=(id.clone(), i64::MAX))
            .map(|(_, version)| version)
    }

    /// The policy attached to the node itself.
    #[must_use]
    pub fn policy_attached_to(&self, node: &NodeId) -> Option<&PolicyId> {
        self.policy_at.get(node)
    }

    /// The policy in force at a node: the nearest above. None only before the organization is created.
    #[must_use]
    pub fn policy_in_force(&self, node: &NodeId) -> Option<&Arc<Policy>> {
        self.tree
            .path_up(node)
            .find_map(|step| self.policy_at.get(step))
            .and_then(|id| self.policies.get(id))
    }

    /// The organization as it would be with these rules in force at every node: for trying a policy.
    #[must_use]
    pub fn with_only_policy(&self, version: Version) -> Self {
        let mut tried = self.clone();
        let Some(root) = self.tree.root() else {
            return tried;
        };
        tried.policy_at = HashMap::new();
        tried
            .versions
            .remove(&(version.policy.clone(), version.number));
        tried.put_policy(Policy {
            id: version.policy.clone(),
            node: root.clone(),
            display_name: version.policy.to_string(),
            latest: version.number,
            revision: 0,
        });
        tried.put_version(version);
        tried
    }

    /// A blocker at hand. Errors: [`Error::NotFound`].
    pub fn blocker(&self, number: BlockerNumber) -> Result<&Arc<Blocker>, Error> {
        self.blockers
            .get(&number)
            .ok_or_else(|| Error::not_found("blocker", number))
    }

    /// Every blocker at hand, by number.
    pub fn blockers(&self) -> impl Iterator<Item = &Arc<Blocker>> {
        self.blockers.values()
    }

    /// The blockers at hand from a number on, or up to it.
    pub fn blockers_within(
        &self,
        numbers: impl RangeBounds<BlockerNumber>,
    ) -> impl DoubleEndedIterator<Item = &Arc<Blocker>> {
        self.blockers.range(numbers).map(|(_, blocker)| blocker)
    }

    /// The live blockers that a node raised, by number.
    pub fn raised_by(&self, node: &NodeId) -> impl Iterator<Item = &Arc<Blocker>> {
        self.raised_at_hand(node)
            .filter_map(|number| self.blockers.get(number))
            .filter(|blocker| blocker.is_live())
    }

    /// The open blockers that a node holds, by number.
    pub fn held_by(&self, node: &NodeId) -> impl Iterator<Item = &Arc<Blocker>> {
        let held = self.tallies.get(node).into_iter();
        held.flat_map(|tally| &tally.held)
            .filter_map(|number| self.blockers.get(number))
    }

    /// The open blockers that say which nodes cause them, by number.
    pub fn with_causes(&self) -> impl Iterator<Item = &Arc<Blocker>> {
        self.index
            .with_causes()
            .filter_map(|number| self.blockers.get(number))
    }

    /// How many [`Organization::with_causes`] are.
    #[must_use]
    pub fn with_causes_count(&self) -> usize {
        self.index.with_causes().len()
    }

    /// The open blocker with this dedupe key.
    #[must_use]
    pub fn blocker_with_key(&self, dedupe_key: &str) -> Option<&Arc<Blocker>> {
        self.index
            .with_key(dedupe_key)
            .and_then(|number| self.blockers.get(&number))
    }

    /// The blockers whose timer is due, in due order.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, BlockerNumber)> {
        self.index.due(now)
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_timer(&self) -> Option<Timestamp> {
        self.index.next_timer()
    }

    /// A meeting at hand. Errors: [`Error::NotFound`].
    pub fn meeting(&self, number: MeetingNumber) -> Result<&Arc<Meeting>, Error> {
        self.meetings
            .get(&number)
            .ok_or_else(|| Error::not_found("meeting", number))
    }

    /// The meetings at hand, by number.
    pub fn meetings(&self) -> impl Iterator<Item = &Arc<Meeting>> {
        self.meetings.values()
    }

    /// The open meetings, by number.
    pub fn open_meetings(&self) -> impl Iterator<Item = &Arc<Meeting>> {
        self.meetings
            .values()
            .filter(|meeting| meeting.closed_at.is_none())
    }

    /// The open meeting of a node.
    #[must_use]
    pub fn open_meeting_of(&self, node: &NodeId) -> Option<&Arc<Meeting>> {
        self.index
            .open_meeting_of(node)
            .and_then(|number| self.meetings.get(&number))
    }

    /// The counters of a node.
    #[must_use]
    pub fn counters(&self, node: &NodeId) -> Counters {
        self.tallies
            .get(node)
            .map(|tally| tally.counters.clone())
            .unwrap_or_default()
    }

    /// Number of the next blocker.
    #[must_use]
    pub const fn next_blocker(&self) -> BlockerNumber {
        BlockerNumber::new(self.next_blocker)
    }

    /// Number of the next meeting.
    #[must_use]
    pub const fn next_meeting(&self) -> MeetingNumber {
        MeetingNumber::new(self.next_meeting)
    }

    fn take_in(&mut self, blocker: Arc<Blocker>) {
        if !self.blockers.contains_key(&blocker.number) {
            self.index_as(None, Some(&blocker));
            self.blockers.insert(blocker.number, blocker.clone());
            if blocker.is_live() {
                self.stage(&blocker);
                self.stand(&blocker);
            }
        }
    }

    /// The numbers of the blockers at hand that a node raised, closed ones among them.
    fn raised_at_hand(&self, node: &NodeId) -> impl Iterator<Item = &BlockerNumber> {
        let raised = self.tallies.get(node).into_iter();
        raised.flat_map(|tally| &tally.raised)
    }

    /// Replaces a blocker by its next version in every index; none: it is not at hand.
    fn index_as(&mut self, before: Option<&Blocker>, after: Option<&Blocker>) {
        if let Some(before) = before {
            self.index.remove(before);
        }
        if let Some(after) = after {
            self.index.insert(after);
        }
        let raised = [before, after].map(|of| of.map(|of| (&of.content.origin, of.number)));
        self.list_as(raised, |tally| &mut tally.raised);
        let open = [before, after].map(|of| of.filter(|of| of.is_open()));
        let held = open.map(|of| of.map(|of| (&of.status.holder, of.number)));
        self.list_as(held, |tally| &mut tally.held);
    }

    fn list_as(
        &mut self,
        [before, after]: [Option<(&NodeId, BlockerNumber)>; 2],
        list: fn(&mut Tally) -> &mut OrdSet<BlockerNumber>,
    ) {
        if before == after {
            return;
        }
        if let Some((node, number)) = before {
            list(self.tally(node)).remove(&number);
        }
        if let Some((node, number)) = after {
            list(self.tally(node)).insert(number);
        }
    }

    fn tally(&mut self, node: &NodeId) -> &mut Tally {
        if !self.tallies.contains_key(node) {
            self.tallies.insert(node.clone(), Arc::default());
        }
        // It is there.
        Arc::make_mut(self.tallies.entry(node.clone()).or_default())
    }

    fn put_policy(&mut self, policy: Policy) {
        self.policy_at
            .insert(policy.node.clone(), policy.id.clone());
        self.policies.insert(policy.id.clone(), Arc::new(policy));
    }

    fn put_version(&mut self, version: Version) {
        let key = (version.policy.clone(), version.number);
        if !self.versions.contains_key(&key) {
            self.versions
                .insert(key, Arc::new(CompiledVersion::new(version)));
        }
    }
}
