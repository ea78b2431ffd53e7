"""The frame of every page: side bar, search, last sync, a missing worker; and the files it loads."""

import hashlib
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template
from django.test import Client
from django.utils import timezone

from sharing.models import Installation, Role, Sync, SyncState
from sharing.templatetags import ui
from tests import factories

TEMPLATES = Path(settings.BASE_DIR) / "templates"
VENDOR = Path(settings.BASE_DIR) / "static" / "vendor"


@pytest.mark.django_db
class TestFrame:
    """What every page shows."""

    def test_the_page_has_one_heading_a_skip_link_a_search_box_and_marks_where_one_is(self, client: Client) -> None:
        client.force_login(factories.person(Role.AUDITOR))
        page = client.get("/").content.decode()
        assert page.count("<h1") == 1
        assert 'href="#main"' in page
        assert 'role="search"' in page
        assert re.search(r'<a href="/" aria-current="page">', page)

    def test_every_link_of_the_frame_leads_somewhere(self, client: Client) -> None:
        client.force_login(factories.person(Role.ADMIN))
        page = client.get("/settings/profile/").content.decode()
        header = page[page.index("<header") : page.index("</header>")]
        links = set(re.findall(r'href="(/[^"#]*)"', header))
        assert {"/functions/", "/access/", "/consumers/", "/mappings/", "/findings/", "/activity/"} <= links
        for address in links:
            assert client.get(address, follow=True).status_code == 200, address

    def test_a_missing_worker_is_said_on_every_page(self, client: Client) -> None:
        client.force_login(factories.person(Role.OWNER))
        assert "No worker was ever seen." in client.get("/").content.decode()
        installation = Installation.objects.create(pk=1, swept_at=timezone.now())
        assert "No worker" not in client.get("/").content.decode()
        installation.swept_at = timezone.now() - timedelta(minutes=7)
        installation.save()
        assert "No worker seen for 7 min." in client.get("/settings/profile/").content.decode()

    def test_the_last_sync_is_the_one_of_the_persons_accounts(self, client: Client) -> None:
        mine, other = factories.account(), factories.account()
        now = timezone.now()
        Sync.objects.create(account=other, region="us-east-1", state=SyncState.DONE, finished_at=now)
        client.force_login(factories.person(Role.OWNER, accounts=[mine]))
        assert "Nothing synced yet" in client.get("/").content.decode()
        Sync.objects.create(account=mine, region="us-east-1", state=SyncState.PARTIAL, finished_at=now - timedelta(hours=3))
        Sync.objects.create(account=mine, region="us-east-1", state=SyncState.RUNNING)
        page = client.get("/").content.decode()
        assert "3 h ago" in page
        assert "1 running" in page

    def test_nothing_inline_that_the_content_security_policy_would_refuse(self, client: Client) -> None:
        client.force_login(factories.person(Role.ADMIN))
        response = client.get("/settings/people/add/")
        assert "'unsafe" not in response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def template_files() -> list[Path]:
    # Mail is no page: mail programs know no style sheets, and no policy of ours holds there.
    return sorted(path for path in TEMPLATES.rglob("*") if path.suffix == ".html" and path.parent.name != "mail")


@pytest.mark.parametrize("path", template_files(), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_no_template_has_inline_style_or_script(path: Path) -> None:
    text = path.read_text()
    if path.parent.name != "mail":  # mail readers know no other style, and no content security policy
        assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son(?:click|load|change|submit|input|error|focus|blur|key\w+|mouse\w+|pointer\w+|toggle)=", text)
    assert "hx-on" not in text
    assert "hx-boost" not in text
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"every \d+m?s \[", text), "trigger filters need eval"
    for polled in re.findall(r"<tr [^>]*every \{\{[^>]*outerHTML[^>]*>", text):
        assert 'hx-disinherit="hx-swap"' in polled, "what a row's buttons open would replace the panel, not fill it"
    assert "|safe" not in text
    assert "autoescape off" not in text


def symbols() -> set[str]:
    return set(re.findall(r'<symbol id="([^"]+)"', (VENDOR / "icons.svg").read_text()))


def test_every_icon_that_is_named_is_in_the_sprite() -> None:
    named = set()
    for path in template_files():
        text = path.read_text()
        named |= set(re.findall(r'{% (?:icon|empty) "([^"]+)"', text))
        named |= set(re.findall(r'{% badge "[^"]+" "([^"]+)"', text))
    tables = (ui.GRANT_STATES, ui.CONNECTION_STATES, ui.SYNC_STATES, ui.CHECK_STATES, ui.ROLES, ui.OUTCOMES)
    for table in tables:
        named |= {entry[1] for entry in table.values()}
    named |= set(re.findall(r'badge\("[^"]+", "([^"]+)"', Path(ui.__file__).read_text()))
    assert len(named) > 20
    assert named <= symbols(), f"missing: {sorted(named - symbols())}"


def test_no_icon_is_served_that_nothing_names() -> None:
    sources = [*template_files(), *(Path(settings.BASE_DIR) / "sharing").rglob("*.py"), *VENDOR.parent.glob("*.js")]
    told = "".join(path.read_text() for path in sources)
    assert {name for name in symbols() if not re.search(rf"""["'#]{name}["']""", told)} == set()


def test_the_vendored_files_are_what_their_readme_says() -> None:
    listed = dict(re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", (VENDOR / "README.md").read_text(), re.MULTILINE))
    present = {path.name for path in VENDOR.iterdir()} - {"README.md", "LICENCES.txt"}
    assert set(listed) == present
    for name, digest in listed.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name


def render(text: str, **context: object) -> str:
    return Template("{% load ui %}" + text).render(Context(context))


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=3), "3 min ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=12), "12 days ago"),
        (timedelta(days=-5), "in 5 days"),
        (timedelta(minutes=-30), "in 30 min"),
    ],
)
def test_moments_are_told_relative_to_now(gap: timedelta, words: str) -> None:
    assert f">{words}</time>" in render("{% ago moment %}", moment=timezone.now() - gap)


def test_text_of_others_is_escaped_in_every_piece() -> None:
    evil = '"><script>alert(1)</script>'
    for text in (
        "{% arn evil %}",
        "{% copyable evil 'x' %}",
        "{% badge 'ok' 'check' evil %}",
        "{% verdict 'denied' evil detail=evil %}",
    ):
        assert "<script>" not in render(text, evil=evil)


@pytest.mark.parametrize(
    ("value", "expected", "words"),
    [
        ("allowed", "allowed", "Proved for role/fnshare-checker"),
        ("denied", "allowed", "Denied for role/fnshare-checker"),
        ("allowed", "denied", "Still allowed for role/fnshare-checker"),
        ("denied", "denied", "Proved denied for role/fnshare-checker"),
        ("not-tried", "allowed", "Not tried"),
        ("error", "allowed", "Could not be tried"),
        ("", "allowed", "Not checked"),
    ],
)
def test_a_verdict_names_who_tried(value: str, expected: str, words: str) -> None:
    principal = "arn:aws:iam::111122223333:role/fnshare-checker"
    assert f"<span>{words}</span>" in render(
        "{% verdict value principal expected=expected %}", value=value, principal=principal, expected=expected
    )
