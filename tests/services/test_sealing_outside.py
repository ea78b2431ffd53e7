"""Signatures, what is kept outside, and a history that is verified without its database."""

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from sharing.models import Event, Seal, Shipment
from sharing.services import sealing
from sharing.services.sealing import keys, shipping
from sharing.services.sealing.exporting import BadExport
from tests.services.test_sealing import later, tamper, write

pytestmark = pytest.mark.django_db

Records = list[dict[str, Any]]


@pytest.fixture
def signer(settings: Any, tmp_path: Path) -> keys.Signer:
    """The workers have a key."""
    made = keys.make(tmp_path / "history.pem")
    settings.HISTORY_KEY_FILE = str(tmp_path / "history.pem")
    return made


def sealed(*lines: int) -> list[Seal]:
    """So many lines in each seal."""
    made = []
    for number, count in enumerate(lines):
        write(count)
        one = sealing.seal(later(5 + number))
        assert one is not None
        made.append(one)
    return made


def verified(records: Records, tmp_path: Path, **known: Any) -> sealing.Verified:
    """From an export with these records."""
    path = tmp_path / "changed.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records) + "\n")
    return sealing.verify(sealing.FromExport(path), **known)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    """An export of five lines in two seals, and one line that is not sealed yet."""
    sealed(3, 2)
    write(1)
    path = tmp_path / "history.jsonl"
    with path.open("w") as file:
        assert sealing.export(file) == (6, 2)
    return [json.loads(line) for line in path.read_text().splitlines()]


def of_kind(records: Records, kind: str) -> Records:
    return [record[kind] for record in records if kind in record]


def test_an_export_verifies_as_the_database_does(records: Records, tmp_path: Path) -> None:
    offline = verified(records, tmp_path)
    assert offline.problems == ()
    assert offline == sealing.verify()
    assert (offline.seals, offline.events, offline.unsealed) == (2, 5, 1)


def _change(records: Records) -> None:
    of_kind(records, "line")[1]["actor"] = "somebody else"


def _remove(records: Records) -> None:
    records.remove(next(record for record in records if record.get("line") == of_kind(records, "line")[1]))


def _insert(records: Records) -> None:
    line = of_kind(records, "line")[1]
    seal = of_kind(records, "seal")[0]
    seal["gaps"] = [line["sequence"]]


def _add_below(records: Records) -> None:
    """A line more at the place of one that was moved up: the numbers of what follows change."""
    lines = of_kind(records, "line")
    for line in lines[2:]:
        line["sequence"] += 1
    records.insert(3, {"line": {**lines[1], "sequence": lines[1]["sequence"] + 1}})


def _reorder(records: Records) -> None:
    one, other = of_kind(records, "line")[:2]
    one["sequence"], other["sequence"] = other["sequence"], one["sequence"]


def _drop_a_seal(records: Records) -> None:
    records.remove(next(record for record in records if record.get("seal") == of_kind(records, "seal")[0]))


def _retime(records: Records) -> None:
    of_kind(records, "line")[0]["at"] += 0.000001


@pytest.mark.parametrize(
    "tampering",
    [_change, _remove, _insert, _add_below, _reorder, _drop_a_seal, _retime],
    ids=lambda act: act.__name__.strip("_"),
)
def test_whatever_is_done_to_an_export_is_evident(
    records: Records, tmp_path: Path, tampering: Callable[[Records], None]
) -> None:
    tampering(records)
    assert verified(records, tmp_path).problems


def test_a_chain_that_was_cut_off_fits_by_itself_and_not_with_what_is_kept_outside(records: Records, tmp_path: Path) -> None:
    last = Seal.objects.last()
    assert last is not None
    heads = sealing.heads_in(f"Nov 26 03:30:00 host fnshare: {shipping.message(last, timezone.now())}\nsomething else\n")
    assert [head.number for head in heads] == [last.number]
    assert verified(records, tmp_path, heads=heads).problems == ()
    cut = [one for one in records if one.get("seal", {}).get("number") != last.number]
    cut = [one for one in cut if one.get("line", {}).get("sequence", 0) < last.first]
    assert verified(cut, tmp_path).problems == ()
    (problem,) = verified(cut, tmp_path, heads=heads).problems
    assert "was cut off" in problem
    made_anew = [replace(heads[0], digest="0" * 64)]
    (problem,) = verified(records, tmp_path, heads=made_anew).problems
    assert "made anew" in problem


def test_the_database_cut_off_is_evident_by_what_is_kept_outside() -> None:
    *_, last = sealed(2, 2)
    heads = [sealing.Head(last.number, last.digest)]
    tamper("DELETE FROM sharing_event WHERE sequence >= %s", last.first)
    tamper("DELETE FROM sharing_seal WHERE number = %s", last.number)
    assert sealing.verify().problems == ()
    assert len(sealing.verify(heads=heads).problems) == 1


def test_seals_are_signed_by_a_key_that_stays_with_the_workers(signer: keys.Signer) -> None:
    one, _two = sealed(2, 1)
    assert one.key == signer.public.name
    found = sealing.verify(public=[signer.public])
    assert (found.signed, found.problems, found.notes) == (2, (), ())
    assert sealing.verify().notes == ("The signatures of the seals were not tried: no public key was given.",)


def test_seals_made_anew_without_the_key_are_evident(signer: keys.Signer) -> None:
    """Whoever writes to the database changes a line, and computes the seal again."""
    (one,) = sealed(2)
    tamper("UPDATE sharing_event SET text = %s", "Other words")
    lines = [sealing.line_of(event) for event in Event.objects.order_by("sequence")]
    tamper("UPDATE sharing_seal SET digest = %s WHERE number = %s", sealing.digest_of("", lines), one.number)
    assert sealing.verify().problems == ()
    assert any("does not fit" in problem for problem in sealing.verify(public=[signer.public]).problems)
    tamper("UPDATE sharing_seal SET signature = '', key = ''")
    assert sealing.verify(public=[signer.public]).problems == ("No seal is signed by a key that was given.",)


def test_a_seal_without_a_signature_after_signed_ones_is_evident(signer: keys.Signer, settings: Any) -> None:
    sealed(1)
    settings.HISTORY_KEY_FILE = ""
    sealed(1)
    (problem,) = sealing.verify(public=[signer.public]).problems
    assert "is not signed, though an earlier one is" in problem


def test_another_key_than_the_known_ones_is_evident_and_a_new_one_can_be_known_too(
    signer: keys.Signer, settings: Any, tmp_path: Path
) -> None:
    sealed(1)
    other = keys.make(tmp_path / "other.pem")
    settings.HISTORY_KEY_FILE = str(tmp_path / "other.pem")
    sealed(1)
    assert len(sealing.verify(public=[signer.public]).problems) == 1
    assert sealing.verify(public=[signer.public, other.public]).problems == ()


def test_without_its_key_a_worker_seals_nothing_rather_than_without(signer: keys.Signer, settings: Any, tmp_path: Path) -> None:
    write(1)
    settings.HISTORY_KEY_FILE = str(tmp_path / "gone.pem")
    assert sealing.seal(later()) is None
    assert not Seal.objects.exists()


def test_a_key_is_for_its_owner_only_and_never_written_over(tmp_path: Path) -> None:
    made = keys.make(tmp_path / "a.pem")
    assert (tmp_path / "a.pem").stat().st_mode & 0o777 == 0o400
    assert keys.read(tmp_path / "a.pem").public == made.public
    with pytest.raises(keys.NoKey):
        keys.make(tmp_path / "a.pem")
    (tmp_path / "b.pem").write_text("no key")
    with pytest.raises(keys.NoKey):
        keys.read(tmp_path / "b.pem")
    assert made.public.text not in repr(made)


def test_seals_of_the_old_form_still_verify() -> None:
    first = write(2)
    lines = [sealing.line_of(event) for event in Event.objects.order_by("sequence")]
    Seal.objects.create(
        first=first[0].sequence,
        last=first[1].sequence,
        count=2,
        digest=sealing.digest_of("", lines, form=1),
        form=1,
        at=later(),
    )
    sealed(1)
    assert sealing.verify().problems == ()
    tamper("UPDATE sharing_event SET text = 'x' WHERE sequence = %s", first[0].sequence)
    assert sealing.verify().problems


@pytest.mark.parametrize(
    "text", ["", "{}\n", "no json\n", '{"fnshare-history": 99}\n', '{"fnshare-history": 1}\n{"line": 3}\n']
)
def test_what_is_no_export_is_said_and_no_trace(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(BadExport):
        sealing.FromExport(tmp_path / "file")


def test_the_head_goes_to_a_file_once_an_hour_while_there_is_something_new(settings: Any, tmp_path: Path) -> None:
    kept = tmp_path / "seals"
    settings.HISTORY_SHIP_TO = [f"file://{kept}"]
    now = timezone.now()
    assert not shipping.due(now), "there is no seal yet"
    sealed(1)
    assert shipping.due(now)
    assert shipping.ship(now) == 1
    assert not shipping.due(now + timedelta(hours=2)), "nothing new"
    sealed(1)
    assert not shipping.due(now + timedelta(minutes=59))
    assert shipping.ship(now + timedelta(minutes=61)) == 1
    heads = sealing.heads_in(kept.read_text())
    assert [(head.number, head.digest) for head in heads] == list(
        Seal.objects.order_by("number").values_list("number", "digest")
    )
    assert sealing.verify(heads=heads).problems == ()


def test_a_destination_that_does_not_take_it_is_tried_again_and_does_not_keep_others_from_it(
    settings: Any, tmp_path: Path
) -> None:
    settings.HISTORY_SHIP_TO = [f"file://{tmp_path}/no/such/folder", f"file://{tmp_path}/seals"]
    sealed(1)
    now = timezone.now()
    assert shipping.ship(now) == 1
    failed = Shipment.objects.get(destination__contains="no/such")
    assert "FileNotFoundError" in failed.failure
    assert not shipping.due(now + timedelta(minutes=4))
    assert shipping.due(now + timedelta(minutes=5))


def test_the_head_goes_by_mail_and_to_syslog(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(path))
        log.settimeout(5)
        settings.HISTORY_SHIP_TO = [f"syslog://{path}", "mailto:audit@example.com"]
        (one,) = sealed(1)
        assert shipping.ship(timezone.now()) == 2
        said = log.recv(4096).decode()
    assert said.startswith("<38>fnshare: ")
    (letter,) = mail.outbox
    assert letter.to == ["audit@example.com"]
    for text in (said, letter.body):
        assert [head.digest for head in sealing.heads_in(str(text))] == [one.digest]
