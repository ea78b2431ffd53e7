"""Sharing many at once, by its pages: without a script, by whom, and whatever is sent."""

import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from sharing.models import Account, Actor, Bulk, BulkItem, BulkState, Grant, Role, User
from sharing.services import bulk as bulks
from sharing.services.bulk import Line
from tests import factories
from tests.services.kept import ACME, allow, kept, owner
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

NEW = "/functions/bulk/new/"


@pytest.fixture
def platform() -> Account:
    return owner()


@pytest.fixture
def ann() -> User:
    return factories.person(Role.OWNER, email="ann@example.com")


@pytest.fixture
def signed_in(client: Client, ann: User) -> Client:
    client.force_login(ann)
    return client


def picks(**more: str) -> dict[str, str]:
    form = {"form_token": uuid.uuid4().hex, "action": "lambda:InvokeFunction", "until": "90d", "reason": "They need it"}
    return {**form, "step": "preview", **more}


def drafted(ann: User, platform: Account, many: int = 1, who: str = ACME) -> Bulk:
    names = [factories.function(of=platform).name for _ in range(many)]
    lines = [Line(n, name, who, reason="They need it") for n, name in enumerate(names, start=1)]
    return bulks.draft(lines, title="Many", reason="They need it", by=Actor.of(ann))


def test_more_than_a_bulk_holds_is_said_and_not_left_out_in_silence(
    signed_in: Client, platform: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        factories.function(f"f{number}", platform)
    assert "8 functions, one a line." in signed_in.get(NEW, {"every": "1"}).content.decode()
    monkeypatch.setattr(bulks, "MOST", 3)
    page = signed_in.get(NEW, {"every": "1"}).content.decode()
    assert "Only the first 3 of 8 functions are above" in page
    assert page.count(":function:f") == 3
    assert "Only the first" not in signed_in.get(NEW, {"every": "1", "q": "f5"}).content.decode()


def test_a_name_of_two_functions_is_not_called_unknown(signed_in: Client, ann: User, platform: Account) -> None:
    for of in (platform, owner("Other")):
        factories.function("twin", of)
    for name, words in (("twin", "Several functions of this name"), ("twins", "No such function")):
        bulk = bulks.draft([Line(1, name, ACME)], title="Many", reason="x", by=Actor.of(ann))
        page = signed_in.get(f"/functions/bulk/{bulk.pk}/").content.decode()
        row = page.partition('data-label="Verdict"')[2].partition("</tr>")[0]
        assert words in row
        assert ("Write the ARN" in row) == (name == "twin")
        file = b"".join(signed_in.get(f"/functions/bulk/{bulk.pk}/export/").streaming_content).decode()  # type: ignore[attr-defined]
        assert words in file.splitlines()[-1]


def test_ticked_in_the_list_previewed_confirmed(signed_in: Client, platform: Account) -> None:
    functions = [factories.function(f"f{n}", platform) for n in range(2)]
    page = signed_in.get("/functions/").content.decode()
    assert f'name="function" value="{functions[0].pk}"' in page
    page = signed_in.get(NEW, {"function": [str(one.pk) for one in functions]}).content.decode()
    assert functions[0].arn in page
    sent = picks(functions="\n".join(one.arn for one in functions), who=f"{ACME}\nnobody at all")
    response = signed_in.post(NEW, sent)
    bulk = Bulk.objects.get()
    assert response.headers["Location"] == f"/functions/bulk/{bulk.pk}/"
    assert signed_in.post(NEW, sent).headers["Location"] == response.headers["Location"]  # a double click
    page = signed_in.get(f"/functions/bulk/{bulk.pk}/").content.decode()
    assert "Share 2" in page
    assert "Bad principal" in page
    assert not Grant.objects.exists()
    judged = bulk.judged_at.isoformat() if bulk.judged_at else ""
    signed_in.post(f"/functions/bulk/{bulk.pk}/confirm/", {"judged": judged})
    bulk.refresh_from_db()
    assert bulk.state == BulkState.RUNNING
    page = signed_in.get(f"/functions/bulk/{bulk.pk}/").content.decode()
    assert "0 of 2" in page
    assert 'hx-trigger="every 2s"' in page


def test_functions_and_consumers_are_found_and_added_without_losing_what_was_typed(
    signed_in: Client, platform: Account
) -> None:
    arn = factories.function("label-uploads", platform).arn
    page = signed_in.post(NEW, picks(step="find", find="label", who="kept as it was")).content.decode()
    assert f'name="add_functions" value="{arn}"' in page
    assert "kept as it was" in page
    page = signed_in.post(NEW, picks(step="add", add_functions=arn, add_who=ACME, functions="first")).content.decode()
    assert f"first\n{arn}" in page
    assert f">\n{ACME}</textarea>" in page


def test_a_list_by_paste_and_by_file(signed_in: Client, platform: Account) -> None:
    factories.function("hello", platform)
    text = f"function,principal,reason\nhello,{ACME},<script>alert(1)</script>\nhello,{ACME},again\n"
    for sent in ({"text": text}, {"file": SimpleUploadedFile("x.csv", text.encode("utf-8-sig"))}):
        response = signed_in.post(f"{NEW}?how=list", {**picks(), **sent})
        page = signed_in.get(response.headers["Location"]).content.decode()
        assert "Same as an earlier line" in page
        assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        (NEW, {}),
        (NEW, {"functions": "\x00", "who": "\x00"}),
        (NEW, {"functions": "\n\n", "who": "x"}),
        (NEW, {"functions": "f", "who": "x", "until": "date", "until_date": "99999-99-99"}),
        (NEW, {"functions": "f", "who": "x", "action": "lambda:Fly"}),
        (NEW, {"functions": "\n".join(f"f{n}" for n in range(2_000)), "who": "\n".join(f"w{n}" for n in range(6))}),
        (f"{NEW}?how=list", {}),
        (f"{NEW}?how=list", {"text": "a,b\n1,2"}),
        (f"{NEW}?how=list", {"file": SimpleUploadedFile("x.csv", b"\xff\xfe\x00")}),
        (f"{NEW}?how=list", {"file": SimpleUploadedFile("x.csv", b"")}),
    ],
    ids=range(10),
)
def test_what_cannot_be_read_is_said_on_the_form(signed_in: Client, address: str, sent: dict[str, str]) -> None:
    response = signed_in.post(address, {**picks(), **sent})
    assert response.status_code == 422
    assert not Bulk.objects.exists()


def test_hostile_lines_are_lines(signed_in: Client, platform: Account) -> None:
    sent = picks(functions="x" * 5000 + "\narn:aws:lambda:::\n=cmd()\n../..", who="'; drop\n" + "9" * 3000 + "\n{{7*7}}\n@x")
    response = signed_in.post(NEW, sent)
    assert response.status_code == 302
    assert signed_in.get(response.headers["Location"]).status_code == 200


def test_the_page_costs_the_same_whatever_is_in_it(signed_in: Client, ann: User, platform: Account) -> None:
    few, many = drafted(ann, platform, 2), drafted(ann, platform, 60)
    assert queries(signed_in, f"/functions/bulk/{few.pk}/") == queries(signed_in, f"/functions/bulk/{many.pk}/")
    for one in (few, many):
        bulks.confirm(one, by=Actor.of(ann), judged_at=one.judged_at)
    assert queries(signed_in, f"/functions/bulk/{few.pk}/") == queries(signed_in, f"/functions/bulk/{many.pk}/")
    for bulk in (few, many):
        for item in bulk.items.all():
            BulkItem.objects.filter(pk=item.pk).update(state="made", grant=factories.grant())
    assert queries(signed_in, f"/functions/bulk/{few.pk}/") == queries(signed_in, f"/functions/bulk/{many.pk}/")


def test_paused_resumed_cancelled_and_taken_back_by_buttons(signed_in: Client, ann: User, platform: Account) -> None:
    bulk = drafted(ann, platform, 2)
    bulks.confirm(bulk, by=Actor.of(ann), judged_at=bulk.judged_at)
    address = f"/functions/bulk/{bulk.pk}/"
    for verb, words in (("pause", "Paused"), ("resume", "Running"), ("cancel", "Cancelled")):
        assert signed_in.post(f"{address}{verb}/").status_code == 302
        assert words in signed_in.get(address).content.decode()
    item = bulk.items.first()
    assert item is not None
    BulkItem.objects.filter(pk=item.pk).update(state="made", grant=factories.grant())
    assert "1 share that this made is removed" in signed_in.get(f"{address}take-back/").content.decode()
    assert signed_in.post(f"{address}take-back/", {"reason": ""}).status_code == 422
    assert signed_in.post(f"{address}take-back/", {"reason": "Over"}).status_code == 302
    bulk.refresh_from_db()
    assert bulk.wanted == "absent"


def test_what_is_out_of_scope_is_not_there(client: Client, ann: User, platform: Account) -> None:
    bulk = drafted(ann, platform)
    bulks.confirm(bulk, by=Actor.of(ann), judged_at=bulk.judged_at)
    client.force_login(factories.person(Role.OWNER, accounts=[owner("Other")]))
    for end in ("", "export/", "take-back/"):
        assert client.get(f"/functions/bulk/{bulk.pk}/{end}").status_code == 404
    for verb in ("confirm", "judge", "pause", "resume", "cancel", "retry", "take-back"):
        assert client.post(f"/functions/bulk/{bulk.pk}/{verb}/", {"reason": "x"}).status_code == 404
    assert str(bulk.pk) not in client.get("/functions/bulk/").content.decode()


def test_an_auditor_looks_and_is_offered_nothing(client: Client, ann: User, platform: Account) -> None:
    bulk = drafted(ann, platform)
    bulks.confirm(bulk, by=Actor.of(ann), judged_at=bulk.judged_at)
    client.force_login(factories.person(Role.AUDITOR))
    page = client.get(f"/functions/bulk/{bulk.pk}/").content.decode()
    assert "Pause" not in page
    assert client.get(NEW).status_code == 403
    assert 'name="function"' not in client.get("/functions/").content.decode()


@pytest.mark.parametrize("judged", ["", "x", "\x00", "99999-01-01T00:00", "2027-13-45T99:99:99"])
def test_a_confirmation_of_something_else_is_refused(signed_in: Client, ann: User, platform: Account, judged: str) -> None:
    bulk = drafted(ann, platform)
    assert signed_in.post(f"/functions/bulk/{bulk.pk}/confirm/", {"judged": judged}).status_code == 302
    bulk.refresh_from_db()
    assert bulk.state == BulkState.DRAFT


def test_the_file_runs_no_formula_and_loses_no_digit(signed_in: Client, ann: User, platform: Account) -> None:
    function = factories.function("hello", platform)
    kept(function, allow(ACME))
    lines = [Line(1, "=HYPERLINK()", ACME, reason="x"), Line(2, "hello", "012345678901", reason="@SUM(1)")]
    bulk = bulks.draft(lines, title="=1+1", reason="x", by=Actor.of(ann))
    text = b"".join(signed_in.get(f"/functions/bulk/{bulk.pk}/export/").streaming_content).decode()  # type: ignore[attr-defined]
    assert "'=HYPERLINK()" in text
    assert "'@SUM(1)" in text
    assert "0123 4567 8901" in text
    assert "\n=1+1" not in text


def test_an_old_preview_asks_to_be_looked_at_again(signed_in: Client, ann: User, platform: Account) -> None:
    bulk = drafted(ann, platform)
    Bulk.objects.update(judged_at=timezone.now() - timedelta(hours=2))
    bulk.refresh_from_db()
    seen = bulk.judged_at.isoformat() if bulk.judged_at else ""
    page = signed_in.post(f"/functions/bulk/{bulk.pk}/confirm/", {"judged": seen}, follow=True).content.decode()
    assert "has been made anew" in page
