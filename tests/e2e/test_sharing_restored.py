"""What vanished with a function that was deleted and made again, brought back in a real browser."""

import io
import zipfile
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.e2e.looking import SETTLED, aws_of, function_page, row, sids
from tests.live import LiveDemo

Visit = Callable[..., Visitor]


def test_what_a_remade_function_lost_is_restored_together(visit: Visit, demo: LiveDemo) -> None:
    name = "gdpr-erase"
    region = "eu-west-1"
    page = function_page(visit("owner"), name, region)
    for who in ("Acme Retail", "Initech"):
        page.locator("#open-share").click()
        page.locator("#id_who").fill(who)
        expect(page.locator("#share-preview .sentence")).to_contain_text(who)
        page.locator("#grant-access").click()
        expect(page.locator("tr.access-row", has_text="fnshare-checker").filter(has_text=who)).to_contain_text(
            "Active", timeout=SETTLED
        )
    ours = sids(demo, name, region)
    aws = aws_of(demo, region)
    made = aws.get_function(FunctionName=name)["Configuration"]
    aws.delete_function(FunctionName=name)
    aws.create_function(
        FunctionName=name, Runtime=made["Runtime"], Role=made["Role"], Handler=made["Handler"], Code={"ZipFile": zipped()}
    )
    assert sids(demo, name, region) == set()

    page.locator("#reread").click()
    expect(page.locator("#access")).to_contain_text("2 grants vanished together", timeout=SETTLED)
    page.get_by_role("link", name="Restore all 2").click()
    expect(page.locator("main")).to_contain_text("Acme Retail may invoke gdpr-erase")
    page.get_by_role("button", name="Restore what is ticked").click()
    expect(page.locator("main")).to_contain_text("Being written again")
    page.get_by_role("link", name="Back to who has access").click()
    for who in ("Acme Retail", "Initech"):
        expect(row(page, who)).to_contain_text("Active", timeout=SETTLED)
    assert sids(demo, name, region) <= ours
    assert len(sids(demo, name, region)) == 2


def zipped() -> bytes:
    """The smallest code a function can have."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return event\n")
    return packed.getvalue()
