"""The pages of the matrix and of the map: constant queries, honest words, nothing out of scope, no hostile text let through."""

import uuid
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sharing.models import Account, Function, Policy, Role, Verdict
from sharing.services.syncing import mark_unread
from tests import factories
from tests.services.kept import ACME, GHOST, GLOBEX, ORGANIZATION, allow, counted, kept, owner
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert('x')</script>&\"]]>"
MATRIX, MAP = "/access/matrix/", "/access/map/"


def signed_in(client: Client, role: str = Role.ADMIN, accounts: list[Account] | None = None) -> Client:
    client.force_login(factories.person(role, accounts=accounts))
    return client


def page(client: Client, address: str = MATRIX, **query: str) -> str:
    response = client.get(address, query)
    assert response.status_code == 200
    return response.content.decode()


def text(html: str) -> str:
    """What a reader sees, roughly: without tags and line breaks."""
    parts, inside = [], False
    for letter in html:
        inside = letter == "<" or (inside and letter != ">")
        if not inside and letter != ">":
            parts.append(letter)
    return " ".join("".join(parts).split())


def estate(name: str = "Platform", functions: int = 3) -> Account:
    """Some functions, each with an alias, accounts, a service and everyone."""
    platform = owner(name)
    for number in range(functions):
        function = factories.function(f"{name.lower()}-{number}", platform)
        kept(function, allow(ACME), allow(f"{600_000_000_000 + number}"), allow("s3.amazonaws.com"), allow("*"))
        kept(function, allow(GLOBEX), allow(ORGANIZATION), qualifier="live")
        factories.grant(function, ACME, verdict=Verdict.ALLOWED, verdict_principal="role/x", checked_at=timezone.now())
    counted()
    return platform


class TestQueries:
    """The same number at any size."""

    def test_of_the_matrix_of_accounts(self, client: Client) -> None:
        signed_in(client)
        estate("Platform", 1)
        small = queries(client, MATRIX)
        for number in range(8):
            estate(f"Other{number}", 4)
        assert queries(client, MATRIX) == small <= 21

    def test_of_the_matrix_of_functions(self, client: Client) -> None:
        signed_in(client)
        platform = estate("Platform", 1)
        address = f"{MATRIX}?account={platform.number}&through=1&with=account:{ACME}"
        small, plain = queries(client, address), queries(client, f"{MATRIX}?account={platform.number}")
        for number in range(25):
            kept(factories.function(f"more-{number}", platform), allow(ACME), allow(f"{500_000_000_000 + number}"), allow("*"))
        counted()
        assert queries(client, address) == small
        assert queries(client, f"{MATRIX}?account={platform.number}") == plain <= 23

    def test_of_the_map(self, client: Client) -> None:
        signed_in(client)
        platform, _ = estate("Platform", 1), estate("Other", 1)
        small, one = queries(client, MAP), queries(client, f"{MAP}?account={platform.number}")
        for number in range(30):
            kept(factories.function(f"more-{number}", platform), allow(ACME), allow(f"{500_000_000_000 + number}"))
        for number in range(3):
            estate(f"More{number}", 2)
        assert queries(client, MAP) == small
        # Enough functions to fill the map need no second and third look for less wide ones, more ask for the rest.
        assert abs(queries(client, f"{MAP}?account={platform.number}") - one) <= 2

    def test_of_a_story(self, client: Client) -> None:
        signed_in(client)
        platform = estate("Platform", 1)
        policy = Policy.objects.get(function__account=platform, qualifier="")
        address = f"{reverse('access-story', args=[policy.pk])}?who=account:{ACME}"
        small = queries(client, address)
        function = Function.objects.get()
        kept(function, allow(ACME), *(allow(f"{500_000_000_000 + number}") for number in range(30)))
        for number in range(5):
            kept(function, allow(ACME), qualifier=f"a{number}")
        assert queries(client, address) == small


class TestAccounts:
    def test_answers_in_a_sentence_and_counts_by_account(self, client: Client) -> None:
        signed_in(client)
        estate("Platform", 2)
        html = page(client)
        said = text(html)
        assert "4 accounts and 1 organisation can invoke functions of the accounts in your scope" in said
        assert "2 of 2 functions can be invoked by somebody outside" in said
        assert "2 are public." in said
        assert "2 can be driven by any account through a service." in said
        assert f'aria-label="Account {ACME}: 2 functions of Platform; widest: may invoke"' in html
        assert 'aria-label="Everyone: 2 functions of Platform; widest: may invoke; 2 public"' in html

    def test_never_says_nobody_without_what_was_not_looked_at(self, client: Client) -> None:
        signed_in(client)
        kept(factories.function("one", owner()))
        counted()
        said = text(page(client))
        assert "0 of 1 functions can be invoked by somebody outside, by what was looked at" in said
        assert "Nobody outside was found" in said
        assert "What was not looked at" in said
        assert "Identity policies and role trusts" in said

    def test_says_when_counts_are_behind_or_missing(self, client: Client) -> None:
        signed_in(client)
        platform = owner()
        kept(factories.function("one", platform), allow(ACME))
        said = text(page(client))
        assert "Nothing was counted yet" in said
        assert "is being counted" in said
        assert "Not counted yet" in said
        assert "Nobody outside was found" not in said
        counted()
        said = text(page(client))
        assert "is being counted" not in said
        assert "not counted" not in said

    def test_has_pages_of_rows_and_of_columns(self, client: Client) -> None:
        signed_in(client)
        for number in range(8):
            estate(f"Owner{number}", 1)
        kept(
            factories.function("wide", Account.objects.get(name="Owner7")),
            *(allow(f"{500_000_000_000 + n}") for n in range(40)),
        )
        counted()
        first = page(client)
        assert "Owner4" in first
        assert "Columns 1–5 of 8 owner accounts" in text(first)
        second = page(client, columns="2")
        assert '<a href="/access/matrix/?account=' in second
        assert "Owner7" in second
        assert "1–25 of" in text(second)
        assert "500000000039" in page(client, columns="2", page="2")

    def test_shows_what_an_account_gets_as_everyone_on_demand(self, client: Client) -> None:
        signed_in(client)
        estate("Platform", 2)
        assert "as everyone" not in text(page(client))
        assert "2 as everyone" in text(page(client, through="1"))

    def test_without_functions_says_what_to_do(self, client: Client) -> None:
        signed_in(client)
        assert "No functions in your scope" in page(client)
        assert "No functions in your scope" in page(client, MAP)


class TestFunctions:
    def test_each_cell_says_in_words_what_its_shape_says(self, client: Client) -> None:
        signed_in(client)
        platform = estate("Platform", 1)
        html = page(client, account=platform.number)
        today = timezone.now().strftime("%-d %b %Y")
        assert f'aria-label="Account {ACME}: platform-0: may invoke; proved for role/x on {today}."' in html
        assert f'aria-label="Account {GLOBEX}: platform-0, alias live: may invoke; not proved."' in html
        assert 'aria-label="Everyone: platform-0: may invoke; public; not proved."' in html
        assert 'aria-label="Amazon S3: platform-0: may invoke; a service any account can drive; not proved."' in html
        assert html.count('<svg class="tick"') == 2  # one in the legend

    def test_stale_unread_latent_and_denied_are_said(self, client: Client) -> None:
        signed_in(client)
        platform = owner()
        one = factories.function("one", platform)
        plain_http = allow("*", "*", effect="Deny", Bool={"aws:SecureTransport": "false"})
        policy = kept(one, allow(GHOST), allow(GLOBEX, effect="Deny"), plain_http)
        mark_unread(policy, "Denied.", timezone.now())
        Policy.objects.create(function=one, qualifier="live")
        counted()
        html = page(client, account=platform.number)
        said = text(html)
        assert "may invoke, not usable yet; stale, as last read." in html
        assert f"Account {GLOBEX}: one: a Deny names it; stale, as last read." in html
        assert "Deny for everyone" in said
        assert "Unread: nobody knows" in said
        assert "1 function with a policy that could never be read" in said

    def test_a_cell_leads_to_its_story_and_an_empty_one_nowhere(self, client: Client) -> None:
        signed_in(client)
        platform = owner()
        policy = kept(factories.function("one", platform), allow(ACME))
        kept(factories.function("two", platform), allow(GLOBEX))
        counted()
        html = page(client, account=platform.number)
        address = f"{reverse('access-story', args=[policy.pk])}?who=account%3A{ACME}"
        assert f'href="{address}" hx-get="{address}" hx-target="#panel"' in html
        assert html.count("hx-get=") == 2
        assert html.count("<td></td>") == 2

    def test_a_row_whose_cells_are_in_other_columns_never_says_nobody(self, client: Client) -> None:
        signed_in(client)
        platform = owner()
        for number in range(4):
            one = factories.function(f"wide-{number}", platform)
            kept(one, *(allow(f"{500_000_000_000 + place}") for place in range(14)))
        kept(factories.function("rare", platform), allow("999999999999"))
        kept(factories.function("shut", platform))
        counted()
        html = page(client, account=platform.number)
        assert "999999999999" not in html
        said = text(html)
        assert "rare us-east-1 1 in other columns" in said
        assert "wide-0 us-east-1 2 in other columns" in said
        assert "shut us-east-1 nobody found" in said
        said = text(page(client, account=platform.number, columns="2"))
        assert "rare us-east-1 nobody" not in said

    def test_of_one_account_answers_about_it(self, client: Client) -> None:
        signed_in(client)
        factories.account("Acme Retail", ACME)
        platform = owner()
        kept(factories.function("one", platform), allow(ACME))
        kept(factories.function("two", platform), allow("*"))
        counted()
        said = text(page(client, account=platform.number, **{"with": f"account:{ACME}"}))
        assert "Acme Retail (1111 2222 3333) is let into 1 function of Platform, and 1 more as everyone can." in said
        html = page(client, account=platform.number, through="1", **{"with": f"account:{ACME}"})
        assert 'aria-label="Acme Retail: two: gets in as everyone does."' in html

    def test_of_an_account_out_of_scope_is_not_found(self, client: Client) -> None:
        platform, shop = estate("Platform", 1), estate("Shop", 1)
        signed_in(client, Role.AUDITOR, [shop])
        assert client.get(MATRIX, {"account": platform.number}).status_code == 404
        assert client.get(MAP, {"account": platform.number}).status_code == 404
        policy = Policy.objects.filter(function__account=platform).first()
        assert policy is not None
        assert client.get(reverse("access-story", args=[policy.pk]), {"who": f"account:{ACME}"}).status_code == 404
        for address in (MATRIX, MAP):
            html = page(client, address)
            assert "Platform" not in html
            assert "platform-0" not in html
        assert "1 of 1 functions" in text(page(client))


@pytest.mark.parametrize("address", [MATRIX, MAP])
@pytest.mark.parametrize(
    "query",
    [
        {"q": "\x00" + "x" * 5000},
        {"region": "\x00"},
        {"kind": "password"},
        {"with": "\x00:\x00"},
        {"with": "account:" + "9" * 5000},
        {"show": "everything"},
        {"page": "99999999999999999999", "columns": "-1"},
        {"columns": "\x00"},
        {"unproved": "yes", "through": "\x00"},
    ],
)
def test_what_an_address_cannot_mean_is_left_out(client: Client, address: str, query: dict[str, str]) -> None:
    signed_in(client)
    platform = estate("Platform", 1)
    assert client.get(address, query).status_code == 200
    assert client.get(address, {"account": platform.number, **query}).status_code == 200


class TestStory:
    def address(self, policy: Policy, who: str) -> str:
        return f"{reverse('access-story', args=[policy.pk])}?who={who}"

    def test_tells_who_what_by_which_statement_and_links_to_it(self, client: Client) -> None:
        signed_in(client, Role.OWNER)
        platform = owner()
        function = factories.function("one", platform)
        policy = kept(function, allow(ACME, StringEquals={"aws:PrincipalOrgID": ORGANIZATION}), allow("*"))
        html = page(client, self.address(policy, f"account:{ACME}"))
        assert f'href="{reverse("function-policy", args=[function.pk])}#statement-{policy.pk}-0"' in html
        assert ORGANIZATION in html
        assert "Not proved" in html
        assert "/revoke/" in html
        assert "as everyone" in text(html)
        assert reverse("function-share", args=[function.pk]) in html

    def test_shows_an_auditor_nothing_to_change(self, client: Client) -> None:
        signed_in(client, Role.AUDITOR)
        platform = owner()
        policy = kept(factories.function("one", platform), allow(ACME))
        html = page(client, self.address(policy, f"account:{ACME}"))
        assert "/revoke/" not in html
        assert "/share/" not in html
        assert "s0" in html

    def test_is_a_fragment_for_the_panel_and_a_page_without(self, client: Client) -> None:
        signed_in(client)
        policy = kept(factories.function("one", owner()), allow(ACME))
        address = self.address(policy, f"account:{ACME}")
        fragment = client.get(address, headers={"HX-Request": "true", "HX-Target": "panel"}).content.decode()
        assert fragment.lstrip().startswith("<aside")
        assert "data-close-panel" in fragment
        assert "<h1>" in page(client, address)

    def test_is_told_in_whole_sentences(self, client: Client) -> None:
        signed_in(client)
        role = f"arn:aws:iam::{ACME}:role/batch"
        one = factories.function("one", owner(), urls={"": "NONE"})
        statements = [
            allow("*", "InvokeFunctionUrl", StringEquals={"lambda:FunctionUrlAuthType": "NONE"}),
            allow("*", Bool={"lambda:InvokedViaFunctionUrl": "true"}),
            allow(ACME, "UpdateFunctionCode"),
            allow(role, effect="Deny"),
        ]
        policy = kept(one, *statements)
        said = text(page(client, self.address(policy, "everyone:*")))
        assert "Everyone may invoke and call the URL of one. Public. Not proved." in said
        said = text(page(client, self.address(policy, f"account:{ACME}")))
        assert f"Account {ACME} may change one." in said
        said = text(page(client, self.address(policy, f"identity:{role}")))
        assert f"A Deny in the policy of one names Role batch of {ACME}." in said
        assert f"as Account {ACME}: whether that account's own policies allow it" in said.replace("&#x27;", "'")

    def test_says_on_what_it_depends_and_that_this_is_not_safe(self, client: Client) -> None:
        signed_in(client)
        policy = kept(factories.function("one", owner()), allow("*", StringLike={"aws:Mystery": "x"}))
        said = text(page(client, self.address(policy, "everyone:*")))
        assert "aws:Mystery" in said
        assert "depends is not safe" in said
        assert "public, depends" in said.lower()

    @pytest.mark.parametrize("who", ["", "nonsense", "account:", "%00:%00", "password:x"])
    def test_of_nobody_is_not_found(self, client: Client, who: str) -> None:
        signed_in(client)
        policy = kept(factories.function("one", owner()), allow(ACME))
        assert client.get(self.address(policy, who)).status_code == 404

    def test_of_no_policy_is_not_found(self, client: Client) -> None:
        signed_in(client)
        assert client.get(f"{reverse('access-story', args=[uuid.uuid4()])}?who=account:{ACME}").status_code == 404

    def test_escapes_hostile_principals(self, client: Client) -> None:
        signed_in(client)
        policy = kept(factories.function("one", owner()), allow(ACME))
        html = page(client, reverse("access-story", args=[policy.pk]), who=f"identity:{HOSTILE}")
        assert "<script>alert" not in html
        assert "no statement of one that was read lets it in" in html


def svg(html: str) -> ET.Element:
    """The picture as XML, which it must be."""
    start = html.index('<svg class="map"')
    end = html.index("</svg>\n", html.rindex("map-node")) if "map-node" in html else html.index("</svg>", start)
    inside = html[start:end]
    while inside.count("<svg") > inside.count("</svg>"):
        end = html.index("</svg>", end) + len("</svg>")
        inside = html[start:end]
    return ET.fromstring(inside)  # noqa: S314  # our own page


class TestMap:
    def test_is_well_formed_escaped_and_without_script_or_style(self, client: Client) -> None:
        signed_in(client)
        platform = owner(HOSTILE)
        factories.account(HOSTILE[::-1], ACME)
        function = factories.function("hostile", platform)
        Function.objects.filter(pk=function.pk).update(name=HOSTILE)
        kept(Function.objects.get(), allow(ACME), allow("*"))
        counted()
        html = page(client, MAP)
        picture = svg(html)
        names = [element.text for element in picture.iter("title")]
        assert HOSTILE in names
        assert "<script>alert" not in html
        assert "style=" not in html[html.index('<svg class="map"') : html.index("</section>")]
        assert not list(picture.iter("script"))

    def test_every_node_is_a_link_with_words_and_the_table_says_the_same(self, client: Client) -> None:
        signed_in(client)
        platform = estate("Platform", 2)
        html = page(client, MAP, account=platform.number)
        picture = svg(html)
        nodes = list(picture.iter("a"))
        assert len(nodes) == 2 + 7
        assert all(node.get("href") and node.get("aria-label") for node in nodes)
        lines = list(picture.iter("path"))
        table = html[html.index("<tbody>") : html.index("</tbody>")]
        assert table.count("<tr>") == len(lines) == 12
        assert "Invoke; public" in table

    def test_of_several_accounts_leads_to_each_and_of_one_shows_its_functions(self, client: Client) -> None:
        signed_in(client)
        platform = estate("Platform", 2)
        assert "platform-0" in page(client, MAP)
        estate("Shop", 1)
        html = page(client, MAP)
        assert "platform-0" not in html
        assert f'href="/access/map/?account={platform.number}"' in html
        assert "platform-0" in page(client, MAP, account=platform.number)

    def test_has_no_numbers_in_the_readers_locale(self, client: Client, settings: Any) -> None:
        settings.USE_THOUSAND_SEPARATOR = True
        signed_in(client)
        platform = owner()
        for number in range(19):
            kept(factories.function(f"f{number}", platform), allow(ACME))
        counted()
        picture = svg(page(client, MAP))
        assert picture.get("viewBox", "").replace(" ", "").isdigit()
