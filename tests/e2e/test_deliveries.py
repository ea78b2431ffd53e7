"""What a bucket of a consumer hands to a function shows on the demo's page of deliveries, which the product links to."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.e2e.test_mappings import client
from tests.live import LiveDemo

Visit = Callable[..., Visitor]


def test_an_uploaded_object_shows_as_delivered_on_a_phone_in_the_dark(visit: Visit, demo: LiveDemo) -> None:
    visitor = visit("owner", phone=True, dark=True)
    page = visitor.open("/mappings/")
    page.get_by_role("link", name="What the demo's AWS delivers, live").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Deliveries of the demo")
    client(demo, "s3", "Acme Retail").put_object(Bucket="acme-retail-photos", Key="in/e2e.jpg", Body=b"x")
    row = page.get_by_role("row").filter(has_text="Acme Retail").filter(has_text="photo-intake")
    expect(row).to_be_visible()  # without anybody asking again
    page.get_by_role("link", name="Hold still").click()
    expect(page.get_by_role("link", name="Follow live")).to_be_visible()
    expect(page.get_by_role("listitem").first).to_contain_text("acme-retail-photos")
    assert visitor.accessibility_problems() == []
    assert not visitor.overflows()
