"""The documentation page as a newcomer uses it: without the network, and against the running API."""

from cli.platform import LocalPlatform
from tests.browser.conftest import Browser
from tests.support.client import ApiClient

OPERATION = "#operations-People-createCustomer"


async def test_an_operation_is_tried_from_the_page(client: ApiClient, web: LocalPlatform, browser: Browser) -> None:
    page = web.urls["swagger"]
    browser.open(page)
    browser.see("Identity")
    browser.see("Log out everywhere")
    browser.picture("swagger")
    _authorize(browser, client.headers["Authorization"].removeprefix("Bearer "))

    browser.open("about:blank")  # only the operations in sight are on the page: a link to one brings it there
    browser.open(f"{page}#/People/createCustomer")
    browser.see("write:customers")
    browser.picture("operation")
    browser.find(f"{OPERATION} .try-out__btn").click()
    browser.find(f"{OPERATION} .execute").click()
    answer = browser.find(f"{OPERATION} .live-responses-table .response .response-col_status")
    browser.picture("answer")
    assert answer.text.startswith("201")
    assert (await client.expect(200, "GET", "/customers"))["data"][0]["name"] == "Noa Levi"
    assert browser.requested_hosts() == {"127.0.0.1"}
    assert browser.complaints() == []


def _authorize(browser: Browser, token: str) -> None:
    """The page keeps it over a reload."""
    browser.find(".auth-wrapper .authorize").click()
    browser.find("#auth-bearer-value").send_keys(token)
    browser.find(".modal-ux .auth.authorize").click()
    browser.see("Authorized")
