"""Layers and their policies read and written over real HTTP: paged, cut to the allow-list, limited to one version."""

import json
from typing import TYPE_CHECKING

import pytest

from sharing.aws import pace as pacing
from sharing.aws.errors import Refused, Unavailable
from sharing.aws.layers import Layers
from sharing.aws.pace import Pace
from sharing.aws.session import RoleRef
from sharing.policy.layers import LayerArn, LayerShare
from sharing.policy.principal import account

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

EAST = "us-east-1"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "RATE", 1000.0)
    monkeypatch.setattr(pacing, "_BURST", 100.0)
    monkeypatch.setattr("sharing.aws.calling._PAUSES", (0.01, 0.01))


@pytest.fixture
def role(sandbox: "Sandbox") -> RoleRef:
    owner = next(account for account in sandbox.accounts if account.kind == "owner")
    return RoleRef("aws", owner.id, owner.manager_role_arn, owner.external_id)


@pytest.fixture
def layers(role: RoleRef) -> Layers:
    return Layers(role, EAST, pace=Pace(), purpose="click", timeout=2.0)


def target(role: RoleRef, name: str = "payment-rules", number: int = 1) -> LayerArn:
    return LayerArn("aws", EAST, role.account, name, number)


def writer(role: RoleRef, of: LayerArn) -> Layers:
    return Layers(role, EAST, pace=Pace(), purpose="click", limited_to=of, session_name="fnshare-test-write", timeout=2.0)


def test_layers_and_versions_come_in_pages_of_fifty(layers: Layers, role: RoleRef, sandbox: "Sandbox") -> None:
    for number in range(60):
        sandbox.add_layer_version(role.account, EAST, f"bulk-{number:02d}")
        sandbox.add_layer_version(role.account, EAST, "many")
    first = layers.page()
    assert len(first.names) == 50
    assert len(layers.page(first.next_marker).names) == 15
    newest = layers.versions("many")
    assert [one.number for one in newest.versions] == list(range(60, 10, -1))
    rest = layers.versions("many", newest.next_marker)
    assert ([one.number for one in rest.versions][-1], rest.next_marker) == (1, "")


def test_what_is_kept_of_a_version_has_no_code(layers: Layers, role: RoleRef) -> None:
    one = layers.versions("image-tools").versions[0]
    assert one.arn == str(target(role, "image-tools", 2))
    assert one.description == "Reads and scales pictures, AVIF too"
    assert set(vars(one)) == {"number", "arn", "description", "license", "created", "runtimes", "architectures"}


def test_no_policy_is_none_and_each_version_has_its_own(layers: Layers) -> None:
    assert layers.policy("observability", 1) is None
    held = layers.policy("observability", 2)
    assert held is not None
    assert [one["Sid"] for one in json.loads(held.document)["Statement"]] == ["acme"]
    assert held.revision_id


def test_adding_and_removing_a_statement(role: RoleRef, sandbox: "Sandbox") -> None:
    layer = target(role)
    layers = writer(role, layer)
    share = LayerShare(layer, "one", account("111122223333"))
    assert json.loads(layers.add_permission(share.parameters(), None).statement) == share.statement()
    held = layers.policy(layer.name, layer.number)
    assert held is not None
    with pytest.raises(Refused) as stale:
        layers.remove_permission(layer.name, layer.number, "one", revision_id="00000000-0000-4000-8000-000000000000")
    assert stale.value.code == "PreconditionFailedException"
    assert layers.remove_permission(layer.name, layer.number, "one", revision_id=held.revision_id).request_id
    assert layers.policy(layer.name, layer.number) is None
    assert sandbox.journal.of("AddLayerVersionPermission")[-1].caller_arn.endswith("/fnshare-test-write")


def test_a_session_that_writes_reaches_its_version_only(role: RoleRef) -> None:
    layers = writer(role, target(role, "observability", 2))
    assert layers.policy("observability", 2)
    for refused in (lambda: layers.policy("observability", 3), layers.page):
        with pytest.raises(Refused) as denied:
            refused()
        assert denied.value.is_access_denied


def test_a_reading_session_cannot_write(layers: Layers, role: RoleRef) -> None:
    with pytest.raises(Refused) as refused:
        layers.add_permission(LayerShare(target(role), "x", account("111122223333")).parameters(), None)
    assert refused.value.is_access_denied


def test_a_write_is_never_repeated_after_it_may_have_been_done(role: RoleRef, sandbox: "Sandbox") -> None:
    layer = target(role)
    sandbox.faults.add("AddLayerVersionPermission", when="after", code="ServiceException", status=500, times=1)
    with pytest.raises(Unavailable) as unavailable:
        writer(role, layer).add_permission(LayerShare(layer, "one", account("111122223333")).parameters(), None)
    assert unavailable.value.maybe_done
    assert len(sandbox.journal.of("AddLayerVersionPermission")) == 1


def test_an_answer_that_is_none_is_not_an_empty_list(layers: Layers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "call", lambda *_args, **_kwargs: {"message": "<html>"})
    for read in (layers.page, lambda: layers.versions("x"), lambda: layers.policy("x", 1)):
        with pytest.raises(Unavailable) as unavailable:
            read()
        assert unavailable.value.code == "MalformedAnswer"
