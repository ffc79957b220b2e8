"""The whole cascade, from a team's blocker to the roll-up at the root, through a generated client."""

import contextlib
import io
import itertools
import unittest
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

import grpc
from echelon.v1 import (
    blocker_pb2,
    blocker_pb2_grpc,
    blocker_types_pb2,
    event_pb2,
    event_pb2_grpc,
    meeting_pb2,
    meeting_pb2_grpc,
    organization_pb2,
    organization_pb2_grpc,
    rollup_pb2,
    rollup_pb2_grpc,
)
from google.protobuf import descriptor_pool
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

# The server under test; cascade.py sets it.
SERVER = None

DEADLINE_SECONDS = 30
TREE = [
    ("shop", "", "SOLUTION"),
    ("storefront", "shop", "TRAIN"),
    ("platform", "shop", "TRAIN"),
    ("buying", "storefront", "SOS"),
    ("running", "platform", "SOS"),
    ("checkout", "buying", "TEAM"),
    ("payments", "buying", "TEAM"),
    ("clusters", "running", "TEAM"),
]

Fate = meeting_pb2.BlockerFate
ORGANIZATIONS = (f"acme-{number}" for number in itertools.count(1))


class CascadeTest(unittest.TestCase):
    """Each test lives in an organization of its own."""

    def setUp(self) -> None:
        self.channel = grpc.insecure_channel(SERVER.address)
        self.addCleanup(self.channel.close)
        self.organizations = organization_pb2_grpc.OrganizationServiceStub(self.channel)
        self.blockers = blocker_pb2_grpc.BlockerServiceStub(self.channel)
        self.meetings = meeting_pb2_grpc.MeetingServiceStub(self.channel)
        self.rollups = rollup_pb2_grpc.RollupServiceStub(self.channel)
        self.events = event_pb2_grpc.EventServiceStub(self.channel)
        self.organization = f"organizations/{next(ORGANIZATIONS)}"
        self.requests = (f"request-{number}" for number in itertools.count(1))

    # What the organization does.

    def node(self, name: str) -> str:
        return f"{self.organization}/nodes/{name}"

    def apply(self, validate_only: bool = False) -> organization_pb2.ApplyOrganizationResponse:
        nodes = [
            organization_pb2.NodeDeclaration(id=name, parent=parent, level=level) for name, parent, level in TREE
        ]
        request = organization_pb2.ApplyOrganizationRequest(
            name=self.organization, nodes=nodes, validate_only=validate_only, request_id=next(self.requests)
        )
        return self.call(self.organizations.ApplyOrganization, request)

    def raise_blocker(self, origin: str, title: str, **fields: object) -> blocker_types_pb2.Blocker:
        request = blocker_pb2.RaiseBlockerRequest(
            parent=self.organization,
            blocker=blocker_types_pb2.Blocker(origin=self.node(origin), title=title, **fields),
            request_id=next(self.requests),
        )
        return self.call(self.blockers.RaiseBlocker, request).blocker

    def open_meeting(self, node: str) -> meeting_pb2.Meeting:
        request = meeting_pb2.OpenMeetingRequest(node=self.node(node), request_id=next(self.requests))
        return self.call(self.meetings.OpenMeeting, request).meeting

    def close_meeting(self, meeting: meeting_pb2.Meeting) -> meeting_pb2.CloseMeetingResponse:
        request = meeting_pb2.CloseMeetingRequest(name=meeting.name, request_id=next(self.requests))
        return self.call(self.meetings.CloseMeeting, request)

    def meet(self, node: str) -> list[meeting_pb2.BlockerFate]:
        """Holds a meeting in which nobody solves anything."""
        return list(self.close_meeting(self.open_meeting(node)).meeting.fates)

    def rollup(self, node: str) -> rollup_pb2.Rollup:
        return self.call(self.rollups.GetRollup, rollup_pb2.GetRollupRequest(node=self.node(node))).rollup

    def all_events(self) -> list[event_pb2.Event]:
        events, token = [], ""
        while True:
            page = self.call(
                self.events.ListEvents,
                event_pb2.ListEventsRequest(parent=self.organization, page_size=5, page_token=token),
            )
            events += page.events
            token = page.next_page_token
            if not token:
                return events

    def call(self, method, request):
        return method(request, timeout=DEADLINE_SECONDS, metadata=[("echelon-actor", "rte@example.com")])

    def refusal(self, method, request) -> tuple[grpc.StatusCode, dict[str, object]]:
        """The status code and the details, by type, of a call that must fail."""
        with self.assertRaises(grpc.RpcError) as refused:
            answer = self.call(method, request)
            if isinstance(answer, grpc.RpcContext) and hasattr(answer, "__next__"):
                next(answer)
        status = rpc_status.from_call(refused.exception)
        self.assertIsNotNone(status, "the error carries google.rpc details")
        details = {}
        for packed in status.details:
            kind = packed.TypeName().rsplit(".", 1)[-1]
            details[kind] = getattr(error_details_pb2, kind)()
            packed.Unpack(details[kind])
        return refused.exception.code(), details

    def assertRefused(self, method, request, code: grpc.StatusCode, reason: str) -> dict[str, object]:
        found, details = self.refusal(method, request)
        self.assertEqual(found, code)
        self.assertEqual(details["ErrorInfo"].reason, reason)
        self.assertEqual(details["ErrorInfo"].domain, "echelon.dev")
        return details

    def assertEscalated(self, fates: list, blockers: list[str], origin: str, target: str, rule: str) -> None:
        self.assertEqual(sorted(fate.blocker for fate in fates), sorted(blockers))
        for fate in fates:
            self.assertEqual(fate.kind, Fate.KIND_ESCALATED, fate.reason)
            self.assertEqual(getattr(fate.move, "from"), origin)
            self.assertEqual(fate.move.to, target)
            self.assertEqual(fate.move.rule, rule)
            self.assertTrue(fate.move.matched_facts, "a move says which facts it matched")

    # The tests.

    def test_e1_e6_a_blocker_climbs_from_a_team_to_the_root_and_is_solved(self) -> None:
        self.apply()
        meeting = self.open_meeting("checkout")
        self.assertEqual(meeting.state, meeting_pb2.MEETING_STATE_OPEN)
        check_in = meeting_pb2.CheckIn(
            node=self.node("checkout"),
            accomplished="The basket keeps its content",
            planned="Pay by card",
            blockers=[
                meeting_pb2.CheckInBlocker(
                    title="Payment sandbox rejects test cards",
                    severity=blocker_types_pb2.SEVERITY_HIGH,
                    category="environment",
                    causing_nodes=[self.node("payments")],
                ),
                meeting_pb2.CheckInBlocker(title="No decision on guest accounts", category="decision"),
            ],
            may_block=[meeting_pb2.BlockingClaim(node=self.node("payments"), note="new basket format")],
            decisions=["Who owns the basket?"],
        )
        submitted = self.call(
            self.meetings.SubmitCheckIn,
            meeting_pb2.SubmitCheckInRequest(
                meeting=meeting.name, check_in=check_in, request_id=next(self.requests)
            ),
        )
        raised = [blocker.name for blocker in submitted.raised]
        self.assertEqual(len(raised), 2)
        self.assertEqual([named.blocker for named in submitted.check_in.blockers], raised)

        agenda = self.call(self.meetings.GetAgenda, meeting_pb2.GetAgendaRequest(name=meeting.name))
        self.assertEqual([item.section for item in agenda.items], [meeting_pb2.AGENDA_SECTION_OWN] * 2)
        self.assertEqual(agenda.items[0].blocker.severity, blocker_types_pb2.SEVERITY_HIGH)

        closed = self.close_meeting(meeting)
        self.assertEqual(closed.meeting.state, meeting_pb2.MEETING_STATE_CLOSED)
        self.assertEscalated(
            closed.meeting.fates, raised, self.node("checkout"), self.node("buying"), "team-meeting"
        )
        again = self.close_meeting(meeting)
        self.assertEqual(again, closed, "closing a meeting twice is a no-op")

        agenda = self.call(self.meetings.GetAgenda, meeting_pb2.GetAgendaRequest(name=self.node("buying")))
        self.assertEqual(
            [(item.section, item.blocker.name) for item in agenda.items],
            [(meeting_pb2.AGENDA_SECTION_ESCALATED, name) for name in raised],
        )
        # A Scrum of Scrums has two meetings to solve it, every level above one.
        self.assertEqual([fate.kind for fate in self.meet("buying")], [Fate.KIND_CARRIED_OVER] * 2)
        self.assertEscalated(
            self.meet("buying"), raised, self.node("buying"), self.node("storefront"), "sos-meetings"
        )
        self.assertEscalated(
            self.meet("storefront"), raised, self.node("storefront"), self.node("shop"), "above-meeting"
        )

        root = self.rollup("shop")
        self.assertEqual(root.figures.open, 2)
        self.assertEqual(root.figures.held_here, 2)
        self.assertEqual(root.figures.unowned, 2)
        self.assertEqual(root.figures.by_severity.high, 1)
        self.assertEqual(dict(root.figures.by_holder_level), {"SOLUTION": 2})
        children = {child.node: child.figures for child in root.children}
        self.assertEqual(children[self.node("storefront")].open, 2)
        self.assertEqual(children[self.node("storefront")].held_above, 2)
        self.assertEqual(children[self.node("storefront")].escalated_out, 2)
        self.assertEqual(children[self.node("platform")].open, 0)

        explained = self.call(
            self.blockers.ExplainBlocker, blocker_pb2.ExplainBlockerRequest(name=raised[0])
        )
        self.assertEqual(
            [move.to for move in explained.moves],
            [self.node("buying"), self.node("storefront"), self.node("shop")],
        )
        self.assertEqual(explained.blocker.holder, self.node("shop"))
        self.assertTrue(explained.summary)
        self.assertTrue(explained.rules)
        self.assertTrue(explained.next.description)

        # At the top nobody acts: an alarm, never silence.
        self.assertEqual([fate.kind for fate in self.meet("shop")], [Fate.KIND_EXHAUSTED] * 2)
        self.assertEqual(self.rollup("shop").figures.exhausted, 2)
        self.solve(raised[0])

        figures = self.rollup("shop").figures
        self.assertEqual((figures.raised_total, figures.open, figures.closed_total), (2, 1, 1))

    def solve(self, name: str) -> None:
        """Acknowledges, owns, resolves and verifies a blocker."""
        state = blocker_types_pb2.BlockerState
        acknowledged = self.call(
            self.blockers.AcknowledgeBlocker,
            blocker_pb2.AcknowledgeBlockerRequest(name=name, request_id=next(self.requests)),
        ).blocker
        self.assertEqual(acknowledged.state, state.BLOCKER_STATE_ACKNOWLEDGED)
        self.assertEqual(acknowledged.escalation_state, blocker_types_pb2.ESCALATION_STATE_PAUSED)
        self.assertTrue(acknowledged.HasField("acknowledgement_expire_time"))

        request = blocker_pb2.OwnBlockerRequest(
            name=name, owner="architect@example.com", etag=acknowledged.etag, request_id=next(self.requests)
        )
        request.commit_time.FromDatetime(datetime.now(timezone.utc) + timedelta(days=1))
        owned = self.call(self.blockers.OwnBlocker, request).blocker
        self.assertEqual((owned.state, owned.owner), (state.BLOCKER_STATE_OWNED, "architect@example.com"))

        stale = blocker_pb2.ResolveBlockerRequest(
            name=name, etag=acknowledged.etag, request_id=next(self.requests)
        )
        self.assertRefused(self.blockers.ResolveBlocker, stale, grpc.StatusCode.ABORTED, "STALE_ETAG")

        resolved = self.call(
            self.blockers.ResolveBlocker,
            blocker_pb2.ResolveBlockerRequest(
                name=name, resolution="The sandbox accepts test cards", request_id=next(self.requests)
            ),
        ).blocker
        self.assertEqual(resolved.state, state.BLOCKER_STATE_RESOLVED)
        verify = blocker_pb2.VerifyBlockerRequest(name=name, request_id=next(self.requests))
        verified = self.call(self.blockers.VerifyBlocker, verify).blocker
        self.assertEqual(verified.state, state.BLOCKER_STATE_VERIFIED)
        self.assertTrue(verified.HasField("close_time"))

    def test_e4_a_critical_blocker_reaches_the_root_by_itself(self) -> None:
        self.apply()
        start = self.call(self.events.ListEvents, event_pb2.ListEventsRequest(parent=self.organization, page_size=1000))
        watch = self.events.WatchEvents(
            event_pb2.WatchEventsRequest(parent=self.organization, resume_token=start.resume_token),
            timeout=DEADLINE_SECONDS,
        )
        self.addCleanup(watch.cancel)
        blocker = self.raise_blocker("clusters", "The cluster is down", severity=blocker_types_pb2.SEVERITY_CRITICAL)
        visited = []
        for message in watch:
            visited += [event.blocker_changed.move.to for event in message.events if event.blocker_changed.HasField("move")]
            if visited and visited[-1] == self.node("shop"):
                break
        self.assertEqual(visited, [self.node("running"), self.node("platform"), self.node("shop")])
        found = self.call(self.blockers.GetBlocker, blocker_pb2.GetBlockerRequest(name=blocker.name)).blocker
        self.assertEqual(found.holder, self.node("shop"))

    def test_applying_twice_changes_nothing(self) -> None:
        plan = self.apply(validate_only=True)
        self.assertEqual(len(plan.changes), len(TREE), "the root comes with the organization")
        self.assertRefused(
            self.organizations.GetOrganization,
            organization_pb2.GetOrganizationRequest(name=self.organization),
            grpc.StatusCode.NOT_FOUND,
            "NOT_FOUND",
        )
        first = self.apply()
        self.assertEqual(list(first.changes), list(plan.changes))
        self.assertEqual(first.organization.root_node, self.node("shop"))
        second = self.apply()
        self.assertEqual(list(second.changes), [])
        self.assertEqual(second.revision, first.revision)

    def test_e7_a_retry_returns_the_first_answer(self) -> None:
        self.apply()
        request = blocker_pb2.RaiseBlockerRequest(
            parent=self.organization,
            blocker=blocker_types_pb2.Blocker(origin=self.node("checkout"), title="No test data"),
            request_id="raise-once",
        )
        first = self.call(self.blockers.RaiseBlocker, request)
        self.assertEqual(self.call(self.blockers.RaiseBlocker, request), first)
        self.assertEqual(self.rollup("shop").figures.raised_total, 1)

        request.blocker.title = "Something else"
        self.assertRefused(
            self.blockers.RaiseBlocker, request, grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"
        )

    def test_e10_a_watcher_sees_every_event_once_across_reconnects(self) -> None:
        self.apply()
        for number in range(3):
            self.raise_blocker("checkout", f"Blocker {number}")
        token = self.call(
            self.events.ListEvents, event_pb2.ListEventsRequest(parent=self.organization, page_size=1)
        ).resume_token
        for number in range(3, 6):
            self.raise_blocker("payments", f"Blocker {number}")

        everything = self.all_events()
        order = [(event.revision, event.index) for event in everything]
        self.assertEqual(order, sorted(set(order)), "in order, and none twice")
        revisions = sorted({event.revision for event in everything})
        self.assertEqual(revisions, list(range(1, revisions[-1] + 1)), "without gaps")

        seen = list(everything[: sum(event.revision == 1 for event in everything)])
        last = revisions[-1]
        while seen[-1].revision < last:
            # A new connection for every message, each with the token of the one before.
            watch = self.events.WatchEvents(
                event_pb2.WatchEventsRequest(parent=self.organization, resume_token=token),
                timeout=DEADLINE_SECONDS,
            )
            message = next(watch)
            watch.cancel()
            seen += message.events
            token = message.resume_token
        self.assertEqual(seen, everything)

    def test_e10_a_token_of_another_history_is_refused(self) -> None:
        self.apply()
        token = self.call(
            self.events.ListEvents, event_pb2.ListEventsRequest(parent=self.organization)
        ).resume_token
        self.organization = f"organizations/{next(ORGANIZATIONS)}"
        self.apply()
        self.assertRefused(
            lambda request, **options: next(self.events.WatchEvents(request, **options)),
            event_pb2.WatchEventsRequest(parent=self.organization, resume_token=token),
            grpc.StatusCode.FAILED_PRECONDITION,
            "FOREIGN_RESUME_TOKEN",
        )

    def test_an_error_names_its_reason_field_and_resource(self) -> None:
        self.apply()
        request = blocker_pb2.RaiseBlockerRequest(
            parent=self.organization,
            blocker=blocker_types_pb2.Blocker(origin=self.node("checkout")),
            request_id=next(self.requests),
        )
        details = self.assertRefused(
            self.blockers.RaiseBlocker, request, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"
        )
        violations = details["BadRequest"].field_violations
        self.assertEqual([violation.field for violation in violations], ["blocker.title"])
        self.assertTrue(violations[0].description)

        missing = f"{self.organization}/blockers/B-99"
        details = self.assertRefused(
            self.blockers.GetBlocker,
            blocker_pb2.GetBlockerRequest(name=missing),
            grpc.StatusCode.NOT_FOUND,
            "NOT_FOUND",
        )
        self.assertIn("B-99", details["ResourceInfo"].resource_name)

        meeting = self.open_meeting("checkout")
        self.close_meeting(meeting)
        self.assertRefused(
            self.meetings.SubmitCheckIn,
            meeting_pb2.SubmitCheckInRequest(
                meeting=meeting.name, check_in=meeting_pb2.CheckIn(node=self.node("checkout"))
            ),
            grpc.StatusCode.FAILED_PRECONDITION,
            "MEETING_CLOSED",
        )

    def test_health_is_told_over_grpc_and_http(self) -> None:
        health = health_pb2_grpc.HealthStub(self.channel)
        answer = self.call(health.Check, health_pb2.HealthCheckRequest())
        self.assertEqual(answer.status, health_pb2.HealthCheckResponse.SERVING)
        for path, wanted in [("healthz", ""), ("readyz", ""), ("metrics", "# TYPE ")]:
            with urllib.request.urlopen(f"http://{SERVER.http_address}/{path}", timeout=DEADLINE_SECONDS) as page:
                self.assertEqual(page.status, 200)
                self.assertIn(wanted, page.read().decode())

    def test_reflection_describes_the_services(self) -> None:
        database = ProtoReflectionDescriptorDatabase(self.channel)
        services = {
            f"echelon.v1.{noun}Service"
            for noun in ["Blocker", "EscalationPolicy", "Event", "Meeting", "Node", "Organization", "Rollup"]
        }
        self.assertLessEqual(services, set(database.get_services()))
        pool = descriptor_pool.DescriptorPool(database)
        methods = pool.FindServiceByName("echelon.v1.MeetingService").methods_by_name
        self.assertIn("CloseMeeting", methods)

    def test_the_example_of_the_readme_raises_a_blocker(self) -> None:
        self.apply()
        readme = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")
        example = readme.split("```python\n")[1].split("```")[0]
        example = example.replace("127.0.0.1:7400", SERVER.address).replace("organizations/acme", self.organization)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(example, "README.md", "exec"), {})
        self.assertEqual(
            printed.getvalue(), f"{self.organization}/blockers/B-1 is held by {self.node('checkout')}\n"
        )
