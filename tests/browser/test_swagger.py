"""The documentation page as a newcomer uses it: without the network, and against the running API."""

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from cli.platform import LocalPlatform
from tests.browser.conftest import Browser
from tests.support.client import ApiClient


async def test_an_operation_is_tried_from_the_page(client: ApiClient, web: LocalPlatform, browser: Browser) -> None:
    browser.open(web.urls["swagger"])
    browser.see("Create a customer")
    browser.see("Submit a job")
    browser.picture("swagger")

    _authorize(browser, client.headers["Authorization"].removeprefix("Bearer "))
    operation = "#operations-People-createCustomer"
    browser.find(f"{operation} .opblock-summary-control").click()
    browser.find(f"{operation} .try-out__btn").click()
    browser.find(f"{operation} .execute").click()
    answer = browser.find(f"{operation} .live-responses-table .response .response-col_status")
    browser.picture("answer")
    assert answer.text.startswith("201")
    assert (await client.expect(200, "GET", "/customers"))["data"][0]["name"] == "Noa Levi"
    assert browser.requested_hosts() == {"127.0.0.1"}
    assert browser.complaints() == []


def _authorize(browser: Browser, token: str) -> None:
    browser.find(".auth-wrapper .authorize").click()
    browser.find("#auth-bearer-value").send_keys(token)
    browser.find(".modal-ux .auth.authorize").click()
    browser.find(".modal-ux").find_element(By.CSS_SELECTOR, ".close-modal").send_keys(Keys.ENTER)
