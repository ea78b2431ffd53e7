"""Layer versions granted and taken back: decided as rows, made so in AWS by a worker, believed when read again."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Actor, Connection, ConnectionState, Event, GrantState, LayerGrant, LayerVersion
from sharing.services import layers
from sharing.services.errors import NotFound, NotPermitted, Refusal
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

ACME, GLOBEX = "111122223333", "222233334444"
ORGANISATION = "o-k3s8w1q9zt"
SOON = timedelta(days=1)


class Desk:
    """Short words for what these tests do with one layer version."""

    def __init__(self, estate: Estate, name: str = "payment-rules", number: int = 1) -> None:
        self.estate = estate
        self.sandbox = estate.sandbox
        self.by = estate.by
        self.ben = Actor.of(estate.ben)
        [sync] = layers.request(account=estate.owner, region="us-east-1", by=self.by)
        while layers.run(sync.pk):
            pass
        self.sandbox.journal.clear()
        self.arn = f"arn:aws:lambda:us-east-1:{estate.owner.number}:layer:{name}:{number}"
        self.forms = 0

    @property
    def layer(self) -> LayerVersion:
        return LayerVersion.objects.select_related("account", "current").get(arn=self.arn)

    def plan(self, who: str = ACME, *, token: str = "", ends_at: Any = None, by: Actor | None = None) -> layers.LayerPlan:
        self.forms += 1
        token = token or f"form-{self.forms}"
        return layers.plan(layer=self.layer, who=who, by=by or self.by, ends_at=ends_at, form_token=token)

    def decided(self, who: str = ACME, **asked: Any) -> LayerGrant:
        return layers.share(self.plan(who, **asked), reason="They need it", by=asked.get("by") or self.by)

    def settle(self, grant: LayerGrant) -> LayerGrant:
        """One run of a worker."""
        outcome = layers.reconcile(grant.pk)
        assert outcome is not None
        return outcome.grant

    def shared(self, who: str = ACME, **asked: Any) -> LayerGrant:
        grant = self.settle(self.decided(who, **asked))
        assert grant.state == GrantState.ACTIVE, grant.failure
        return grant

    @property
    def held(self) -> list[Mapping[str, Any]]:
        return list((self.sandbox.layer_policy(self.arn) or {}).get("Statement", []))

    def verbs(self, grant: LayerGrant) -> list[str]:
        found = Event.objects.filter(layer=grant.layer_id, sid=grant.sid).order_by("sequence")
        return [verb.removeprefix("layer.share-") for verb in found.values_list("verb", flat=True)]

    def calls(self) -> list[str]:
        return [call.operation for call in self.sandbox.journal if call.service == "lambda"]

    def by_others(self, sid: str = "elsewhere", principal: str = GLOBEX) -> None:
        """Another tool adds a statement."""
        statement = {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{principal}:root"},
            "Action": "lambda:GetLayerVersion",
            "Resource": self.arn,
        }
        self.sandbox.put_layer_policy(
            self.arn, {"Version": "2012-10-17", "Id": "default", "Statement": [*self.held, statement]}
        )


@pytest.fixture
def desk(sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("sharing.aws.calling._PAUSES", (0.01, 0.01))
    return Desk(Estate(sandbox))


# Deciding


def test_a_share_is_active_when_it_was_read_again(desk: Desk) -> None:
    grant = desk.decided()
    assert (grant.state, desk.calls()) == (GrantState.PENDING, [])
    grant = desk.settle(grant)
    assert (grant.state, grant.failure) == (GrantState.ACTIVE, "")
    assert grant.request_id
    assert grant.active_at is not None
    assert desk.calls() == ["GetLayerVersionPolicy", "AddLayerVersionPermission", "GetLayerVersionPolicy"]
    assert desk.verbs(grant) == ["decided", "active"]
    assert desk.layer.external == "yes"


@pytest.mark.parametrize("who", [ACME, "Globex", ORGANISATION])
def test_what_was_previewed_is_what_aws_stores(desk: Desk, who: str) -> None:
    plan = desk.plan(who)
    assert plan.ok, plan.problems
    desk.settle(layers.share(plan, reason="x", by=desk.by))
    assert desk.held == [plan.statement]
    assert plan.statement["Sid"] == f"fnshare-{plan.grant_id.hex}"


@pytest.mark.parametrize(
    ("who", "field"),
    [
        ("s3.amazonaws.com", "who"),
        (f"arn:aws:iam::{ACME}:role/apps/order-processor", "who"),
        ("Platform", "who"),
        ("nobody we know", "who"),
        ("everyone", "ends_at"),
    ],
)
def test_what_cannot_be_shared_is_said_on_its_field_and_refused(desk: Desk, who: str, field: str) -> None:
    plan = desk.plan(who)
    assert not plan.ok
    assert plan.problems[0].field == field
    with pytest.raises(Refusal):
        layers.share(plan, reason="x", by=desk.by)
    assert not LayerGrant.objects.exists()


def test_an_end_date_in_the_past_and_a_missing_reason_are_refused(desk: Desk) -> None:
    assert desk.plan(ends_at=timezone.now() - SOON).problems[0].field == "ends_at"
    with pytest.raises(Refusal) as refused:
        layers.share(desk.plan(), reason=" ", by=desk.by)
    assert refused.value.field == "reason"


def test_a_double_click_makes_one_grant(desk: Desk) -> None:
    plan = desk.plan(token="same")
    first = layers.share(plan, reason="x", by=desk.by)
    assert layers.share(desk.plan(token="same"), reason="x", by=desk.by).pk == first.pk
    with pytest.raises(Refusal) as stale:
        layers.share(desk.plan(GLOBEX, token="same"), reason="x", by=desk.by)
    assert stale.value.code == "stale"
    assert LayerGrant.objects.count() == 1


def test_an_equal_share_is_shown_and_another_end_makes_a_second_lease(desk: Desk) -> None:
    first = desk.shared()
    assert desk.plan().same_end
    assert layers.share(desk.plan(), reason="x", by=desk.by).pk == first.pk
    later = desk.plan(ends_at=timezone.now() + SOON)
    assert (later.equal, later.same_end) == (first, False)
    with pytest.raises(Refusal) as refused:
        layers.share(later, reason="x", by=desk.by)
    assert refused.value.code == "equal"
    second = desk.settle(layers.share(later, reason="x", by=desk.by, anyway=True))
    assert {one["Sid"] for one in desk.held} == {first.sid, second.sid}
    LayerGrant.objects.filter(pk=second.pk).update(ends_at=timezone.now())
    assert desk.settle(second).state == GrantState.EXPIRED
    assert [one["Sid"] for one in desk.held] == [first.sid]  # the other lease did not end with it


def test_what_lets_them_in_already_is_said_before(desk: Desk) -> None:
    desk.by_others(principal=ACME)
    Desk(desk.estate)
    assert desk.plan().already == ("They may use it already, by statement “elsewhere”.",)
    assert desk.plan(GLOBEX).already == ()
    other = Desk(desk.estate, "observability", 3)
    [said] = other.plan(ACME).already
    assert said.startswith(f"Organisation {ORGANISATION} may use it already")
    assert said.endswith("if they belong to it.")


def test_known_members_are_let_in_for_certain_and_known_strangers_are_not(desk: Desk) -> None:
    organization = factories.organization(ACME)
    other = Desk(desk.estate, "observability", 3)
    [said] = other.plan(ACME).already
    assert said == f"Organisation {ORGANISATION} may use it already, by statement “organisation”."
    assert other.plan(GLOBEX).already == ()
    assert layers.remaining(other.layer, kind="account", principal="333344445555", without="initech") == []
    [left] = layers.remaining(other.layer, kind="account", principal=ACME, without="x")
    assert left == f"Organisation {ORGANISATION}, by statement “organisation”."
    assert layers.remaining(other.layer, kind="organization", principal=ORGANISATION, without="organisation") == []
    type(organization).objects.update(failure="No answer.")
    [member] = layers.remaining(other.layer, kind="account", principal="333344445555", without="initech")
    assert member.endswith("if the account belongs to it.")


def test_what_still_lets_them_in_is_said_before_a_revoke(desk: Desk) -> None:
    layer = Desk(desk.estate, "observability", 3).layer
    of = {"kind": "account", "principal": "333344445555"}
    [member] = layers.remaining(layer, without="initech", **of)
    assert member == f"Organisation {ORGANISATION}, by statement “organisation”, if the account belongs to it."
    [part] = layers.remaining(layer, kind="organization", principal=ORGANISATION, without="organisation")
    assert part == "Initech by itself, by statement “initech”, if it belongs to the organisation."
    assert layers.remaining(desk.layer, without="x", **of) == []
    public = Desk(desk.estate, "geo-data").layer
    assert layers.remaining(public, without="x", **of) == ["Everyone, by statement “everyone”."]


def test_auditors_strangers_and_the_out_of_scope_decide_nothing(desk: Desk) -> None:
    auditor = Actor.of(factories.person("auditor"))
    elsewhere = Actor.of(factories.person("owner", accounts=[desk.estate.accounts["Globex"]]))
    plan, grant = desk.plan(), desk.shared(GLOBEX)
    for by, error in ((auditor, NotPermitted), (elsewhere, NotFound)):
        with pytest.raises(error):
            layers.plan(layer=desk.layer, who=ACME, by=by, ends_at=None, form_token="x")
        with pytest.raises(error):
            layers.share(plan, reason="x", by=by)
        with pytest.raises(error):
            layers.revoke(grant, by=by)
        with pytest.raises(error):
            layers.approve(grant, digest="x", by=by)
        with pytest.raises(error):
            layers.decline(grant, reason="x", by=by)
        with pytest.raises(error):
            layers.revoke_statement(desk.layer, index=0, content_pk=1, by=by)
    with pytest.raises(NotFound):
        layers.users(desk.layer, by=elsewhere)
    assert layers.users(desk.layer, by=auditor)


def test_a_role_that_may_not_share_layers_is_said_before(desk: Desk) -> None:
    Connection.objects.filter(account=desk.estate.owner).update(verbs={"share": True, "layers": True, "share_layers": False})
    problem = desk.plan().problems[0]
    assert (problem.code, "lambda:AddLayerVersionPermission" in problem.next) == ("read-only", True)


def test_a_version_that_is_gone_cannot_be_shared(desk: Desk) -> None:
    desk.sandbox.delete_layer_version(desk.arn)
    Desk(desk.estate)
    assert desk.plan().problems[0].code == "gone"


# Everyone


def test_everyone_waits_for_a_second_person_and_nothing_is_written_before(desk: Desk) -> None:
    grant = desk.decided("everyone", ends_at=timezone.now() + SOON)
    assert grant.state == GrantState.REQUESTED
    assert desk.settle(grant).state == GrantState.REQUESTED
    assert desk.calls() == []
    assert list(layers.due_grants(timezone.now())) == []
    with pytest.raises(NotPermitted, match="Nobody approves their own"):
        layers.approve(grant, digest=layers.approval_digest(grant), by=desk.by)
    with pytest.raises(NotPermitted, match="signed in"):
        layers.approve(grant, digest=layers.approval_digest(grant), by=Actor.at_shell("root", desk.estate.ben))
    with pytest.raises(Refusal, match="not the one that was shown"):
        layers.approve(grant, digest="another", by=desk.ben)
    grant = layers.approve(grant, digest=layers.approval_digest(grant), by=desk.ben)
    assert desk.settle(grant).state == GrantState.ACTIVE
    assert desk.held[0]["Principal"] == "*"
    assert desk.layer.public == "yes"
    assert desk.verbs(grant) == ["requested", "approved", "active"]


def test_a_request_can_be_declined_or_withdrawn(desk: Desk) -> None:
    for withdrawn in (False, True):
        grant = desk.decided("everyone", ends_at=timezone.now() + SOON)
        grant = layers.revoke(grant, by=desk.by) if withdrawn else layers.decline(grant, reason="Too many", by=desk.ben)
        assert (grant.state, grant.wanted) == (GrantState.FAILED, "absent")
        with pytest.raises(Refusal):
            layers.approve(grant, digest=layers.approval_digest(grant), by=desk.ben)
    assert desk.calls() == []


def test_the_worker_writes_only_what_was_approved(desk: Desk) -> None:
    grant = desk.decided("everyone", ends_at=timezone.now() + SOON)
    grant = layers.approve(grant, digest=layers.approval_digest(grant), by=desk.ben)
    LayerGrant.objects.filter(pk=grant.pk).update(ends_at=timezone.now() + 2 * SOON)
    failed = desk.settle(grant)
    assert (failed.state, desk.held) == (GrantState.FAILED, [])
    assert "What was approved is not what would be written" in failed.failure


def test_an_approval_ends_with_the_approver_s_rights(desk: Desk) -> None:
    grant = desk.decided("everyone", ends_at=timezone.now() + SOON)
    grant = layers.approve(grant, digest=layers.approval_digest(grant), by=desk.ben)
    desk.estate.ben.role = "auditor"
    desk.estate.ben.save()
    assert desk.settle(grant).state == GrantState.FAILED
    assert desk.held == []


def test_the_database_refuses_everyone_without_end_or_approval(desk: Desk) -> None:
    grant = desk.decided("everyone", ends_at=timezone.now() + SOON)
    for change in ({"ends_at": None}, {"state": GrantState.PENDING}):
        with pytest.raises(IntegrityError), transaction.atomic():
            LayerGrant.objects.filter(pk=grant.pk).update(**change)


def test_a_kept_row_that_was_tampered_with_is_not_written(desk: Desk) -> None:
    grant = desk.decided()
    LayerGrant.objects.filter(pk=grant.pk).update(principal_kind="everyone", principal="*", adopted=True)
    assert desk.settle(grant).state == GrantState.FAILED
    assert desk.held == []


# Taking back


def test_a_removal_that_nobody_can_see_is_neither_gone_nor_still_shared(desk: Desk) -> None:
    grant = layers.revoke(desk.shared(), by=desk.by, reason="done")
    denied = ("GetLayerVersionPolicy", "before", "error", "AccessDeniedException", 403)
    desk.sandbox.faults.add(*denied, times=2, skip=1)  # type: ignore[arg-type]
    for _ in range(2):
        LayerGrant.objects.update(next_try_at=None)
        grant = desk.settle(grant)
        assert (grant.state, grant.failure_code, desk.held) == (GrantState.REVOKING, "removal-unseen", [])
    LayerGrant.objects.update(next_try_at=None)
    assert desk.settle(grant).state == GrantState.REVOKED


def test_revoked_is_said_only_after_the_statement_is_gone(desk: Desk) -> None:
    desk.by_others()
    grant = desk.shared()
    grant = layers.revoke(grant, by=desk.by, reason="done")
    assert (grant.state, len(desk.held)) == (GrantState.REVOKING, 2)
    grant = desk.settle(grant)
    assert grant.state == GrantState.REVOKED
    assert [one["Sid"] for one in desk.held] == ["elsewhere"]
    assert desk.verbs(grant) == ["decided", "active", "revoke-asked", "revoked"]
    assert "keep it" in Event.objects.get(verb="layer.share-revoked").text
    assert layers.revoke(grant, by=desk.by).state == GrantState.REVOKED


def test_a_page_begun_before_a_revoke_ended_does_not_take_its_statement_for_somebody_elses(desk: Desk) -> None:
    grant = layers.revoke(desk.shared(), by=desk.by, reason="done")
    before = LayerVersion.objects.select_related("account", "current").get(pk=desk.layer.pk)
    assert desk.settle(grant).state == GrantState.REVOKED
    assert [(one.grant and one.grant.pk, one.over) for one in layers.users(before, by=desk.by)] == [(grant.pk, True)]


def test_a_statement_made_elsewhere_can_be_taken_back(desk: Desk) -> None:
    desk.by_others()
    Desk(desk.estate)
    layer = desk.layer
    assert layer.current_id is not None
    grant = layers.revoke_statement(layer, index=0, content_pk=layer.current_id, by=desk.by, reason="not ours")
    again = layers.revoke_statement(layer, index=0, content_pk=layer.current_id, by=desk.by)
    assert again.pk == grant.pk
    assert desk.settle(grant).state == GrantState.REVOKED
    assert desk.held == []
    with pytest.raises(Refusal) as stale:
        layers.revoke_statement(desk.layer, index=0, content_pk=layer.current_id, by=desk.by)
    assert stale.value.code == "stale"


def test_a_statement_is_taken_back_though_others_came_since_it_was_shown(desk: Desk) -> None:
    desk.by_others()
    Desk(desk.estate)
    shown = desk.layer.current_id
    assert shown is not None
    ours = desk.shared()
    assert desk.layer.current_id != shown
    grant = layers.revoke_statement(desk.layer, index=0, content_pk=shown, by=desk.by)
    assert (grant.adopted, desk.settle(grant).state) == (True, GrantState.REVOKED)
    assert [one["Sid"] for one in desk.held] == [ours.sid]


def test_a_deny_is_never_removed(desk: Desk) -> None:
    deny = {"Sid": "no", "Effect": "Deny", "Principal": "*", "Action": "lambda:GetLayerVersion", "Resource": desk.arn}
    desk.sandbox.put_layer_policy(desk.arn, {"Version": "2012-10-17", "Statement": [deny]})
    Desk(desk.estate)
    layer = desk.layer
    assert layer.current_id is not None
    with pytest.raises(Refusal, match="would widen access"):
        layers.revoke_statement(layer, index=0, content_pk=layer.current_id, by=desk.by)


def test_what_another_tool_changed_is_seen_before_it_is_removed(desk: Desk) -> None:
    grant = desk.shared()
    changed = {**desk.held[0], "Principal": {"AWS": f"arn:aws:iam::{GLOBEX}:root"}}
    desk.sandbox.put_layer_policy(desk.arn, {"Version": "2012-10-17", "Id": "default", "Statement": [changed]})
    Desk(desk.estate)
    grant.refresh_from_db()
    assert grant.failure_code == "statement-changed"
    with pytest.raises(Refusal) as refused:
        layers.revoke(grant, by=desk.by)
    assert refused.value.code == "changed"
    assert desk.settle(layers.revoke(grant, by=desk.by, anyway=True)).state == GrantState.REVOKED
    assert desk.held == []


def test_a_change_behind_a_revoke_stops_the_worker(desk: Desk) -> None:
    grant = layers.revoke(desk.shared(), by=desk.by)
    changed = {**desk.held[0], "Principal": {"AWS": f"arn:aws:iam::{GLOBEX}:root"}}
    desk.sandbox.put_layer_policy(desk.arn, {"Version": "2012-10-17", "Id": "default", "Statement": [changed]})
    grant = desk.settle(grant)
    assert (grant.state, grant.failure_code, len(desk.held)) == (GrantState.ACTIVE, "changed", 1)


def test_a_share_that_aws_lost_has_vanished(desk: Desk) -> None:
    grant = desk.shared()
    desk.sandbox.put_layer_policy(desk.arn, None)
    Desk(desk.estate)
    grant.refresh_from_db()
    assert grant.state == GrantState.VANISHED
    assert desk.verbs(grant)[-1] == "vanished"
    other = desk.shared(GLOBEX)
    desk.sandbox.delete_layer_version(desk.arn)
    Desk(desk.estate)
    other.refresh_from_db()
    assert other.state == GrantState.VANISHED
    assert "deleted in AWS" in other.failure


def test_a_version_that_was_deleted_meanwhile_stays_gone(desk: Desk) -> None:
    shared, asked = desk.shared(), desk.decided(GLOBEX)
    desk.sandbox.delete_layer_version(desk.arn)
    Desk(desk.estate)
    assert desk.layer.vanished_at is not None
    failed = desk.settle(asked)
    assert (failed.state, failed.failure_code) == (GrantState.FAILED, "ResourceNotFoundException")
    LayerGrant.objects.filter(pk=shared.pk).update(state=GrantState.REVOKING, wanted="absent", settled_at=None)
    assert desk.settle(shared).state == GrantState.REVOKED
    assert desk.layer.vanished_at is not None


def test_an_end_date_takes_it_back_by_itself(desk: Desk) -> None:
    grant = desk.shared(ends_at=timezone.now() + SOON)
    assert list(layers.due_grants(timezone.now())) == []
    LayerGrant.objects.filter(pk=grant.pk).update(ends_at=timezone.now())
    assert list(layers.due_grants(timezone.now())) == [grant]
    assert desk.settle(grant).state == GrantState.EXPIRED
    assert desk.held == []
    assert desk.verbs(grant)[-2:] == ["ended", "expired"]


def test_an_end_date_that_was_kept_late_says_how_late(desk: Desk) -> None:
    grant = desk.shared(ends_at=timezone.now() + SOON)
    LayerGrant.objects.filter(pk=grant.pk).update(ends_at=timezone.now() - timedelta(hours=2))
    assert desk.settle(grant).state == GrantState.EXPIRED
    assert "Removed 2 h after its end date" in Event.objects.get(verb="layer.share-expired").text


# Trouble


def test_everything_that_others_change_meanwhile_is_an_event_and_stays(desk: Desk) -> None:
    grant = desk.decided()
    desk.by_others()
    desk.settle(grant)
    assert [one["Sid"] for one in desk.held] == ["elsewhere", grant.sid]
    event = Event.objects.get(verb="layer.policy-changed")
    assert (event.sid, event.layer_id) == ("elsewhere", grant.layer_id)


def test_a_policy_that_moves_between_read_and_write_is_read_again(desk: Desk) -> None:
    desk.by_others("first")
    grant = desk.decided()
    fault = desk.sandbox.faults.add("AddLayerVersionPermission", code="PreconditionFailedException", status=412)
    assert desk.settle(grant).state == GrantState.ACTIVE
    assert fault.fired == 1
    assert desk.calls().count("AddLayerVersionPermission") == 2


def test_the_revision_is_sent_with_every_write_on_a_policy(desk: Desk) -> None:
    desk.by_others()
    grant = desk.shared()
    desk.settle(layers.revoke(grant, by=desk.by))
    for operation in ("AddLayerVersionPermission", "RemoveLayerVersionPermission"):
        assert desk.sandbox.journal.of(operation)[-1].parameters_summary["RevisionId"]


@pytest.mark.parametrize("effect", ["drop", "cut", "error"])
def test_an_answer_that_was_lost_is_looked_for(desk: Desk, effect: Any) -> None:
    grant = desk.decided()
    desk.sandbox.faults.add("AddLayerVersionPermission", "after", effect, code="ServiceException", status=500)
    grant = desk.settle(grant)
    assert grant.state == GrantState.GRANTING
    LayerGrant.objects.filter(pk=grant.pk).update(next_try_at=None)
    assert desk.settle(grant).state == GrantState.ACTIVE
    assert len(desk.held) == 1
    assert desk.calls().count("AddLayerVersionPermission") == 1


class Killed(BaseException):
    """What a test raises where a worker process would die: nothing in the product catches it."""


def test_a_worker_killed_between_call_and_commit_is_followed_by_another(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    grant = desk.decided()

    def dies(*_: Any, **__: Any) -> None:
        raise Killed

    monkeypatch.setattr("sharing.services.layers.applying._found", dies)
    with pytest.raises(Killed):
        layers.reconcile(grant.pk)
    monkeypatch.undo()
    grant.refresh_from_db()
    assert (grant.state, len(desk.held)) == (GrantState.GRANTING, 1)
    LayerVersion.objects.update(lease_until=timezone.now())
    assert list(layers.due_grants(timezone.now())) == [grant]
    assert desk.settle(grant).state == GrantState.ACTIVE
    assert len(desk.held) == 1


def test_one_writer_has_a_version_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.services.granting.lease.PATIENCE", 0.1)
    grant = desk.decided()
    LayerVersion.objects.filter(pk=grant.layer_id).update(lease_holder="another", lease_until=timezone.now() + SOON)
    outcome = layers.reconcile(grant.pk)
    assert outcome is not None
    assert (outcome.grant.state, outcome.again_in, desk.calls()) == (GrantState.PENDING, 2.0, [])


def test_a_revoke_while_it_is_being_granted_wins(desk: Desk) -> None:
    grant = desk.decided()
    desk.sandbox.faults.add("AddLayerVersionPermission", "after", "drop")
    grant = layers.revoke(desk.settle(grant), by=desk.by)
    assert desk.settle(grant).state == GrantState.REVOKED
    assert desk.held == []


def test_throttling_is_waited_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.aws.calling.time.sleep", lambda _: None)
    desk.sandbox.faults.add("AddLayerVersionPermission", times=2)
    assert desk.shared().state == GrantState.ACTIVE


def test_what_aws_refuses_fails_with_a_sentence_and_a_next_step(desk: Desk) -> None:
    for code, status, words in (
        ("PolicyLengthExceededException", 400, "The policy is full"),
        ("AccessDeniedException", 403, "may not do"),
        ("ResourceNotFoundException", 404, "does not exist in AWS any more"),
    ):
        desk.sandbox.faults.add("AddLayerVersionPermission", code=code, status=status)
        grant = desk.settle(desk.decided())
        assert (grant.state, grant.failure_code) == (GrantState.FAILED, code)
        assert words in grant.failure
        assert grant.failure_next


def test_a_refused_revoke_stays_active_and_says_so(desk: Desk) -> None:
    grant = desk.shared()
    desk.sandbox.faults.add("RemoveLayerVersionPermission", code="AccessDeniedException", status=403)
    grant = desk.settle(layers.revoke(grant, by=desk.by))
    assert (grant.state, grant.wanted) == (GrantState.ACTIVE, "present")
    assert "still shared" in grant.failure


def test_a_paused_account_waits_and_goes_on(desk: Desk) -> None:
    grant = desk.decided()
    Connection.objects.filter(account=desk.estate.owner).update(state=ConnectionState.PAUSED)
    grant = desk.settle(grant)
    assert (grant.state, grant.failure_code) == (GrantState.PENDING, "not-connected")
    Connection.objects.filter(account=desk.estate.owner).update(state=ConnectionState.CONNECTED)
    LayerGrant.objects.filter(pk=grant.pk).update(next_try_at=None)
    assert desk.settle(grant).state == GrantState.ACTIVE


def test_what_stays_unsettled_is_stuck_and_still_tried(desk: Desk) -> None:
    grant = desk.decided()
    LayerGrant.objects.filter(pk=grant.pk).update(unsettled_since=timezone.now() - timedelta(minutes=16))
    assert list(layers.due_grants(timezone.now())) == [grant]
    grant.refresh_from_db()
    assert grant.state == GrantState.STUCK
    assert desk.verbs(grant)[-1] == "stuck"
    assert desk.settle(grant).state == GrantState.ACTIVE


def test_a_sid_of_ours_that_somebody_else_took_is_a_failure(desk: Desk) -> None:
    grant = desk.decided()
    desk.by_others(sid=grant.sid)
    assert desk.settle(grant).failure_code == "conflict"
    assert len(desk.held) == 1


def test_who_may_use_it_joins_statements_and_grants(desk: Desk) -> None:
    desk.by_others("terraform-20260301081500987600000001")
    ours = desk.shared()
    waiting = desk.decided("everyone", ends_at=timezone.now() + SOON)
    found = {one.sid: one for one in layers.users(desk.layer, by=desk.by)}
    assert found[ours.sid].grant == ours
    assert (found[waiting.sid].stored, found[waiting.sid].public) == (False, "no")
    elsewhere = found["terraform-20260301081500987600000001"]
    assert (elsewhere.grant, elsewhere.origin, elsewhere.label) == (None, "Terraform", "Globex")
