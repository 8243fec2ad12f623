"""The report's tables in a real browser: opened by their eye, sorted, searched, downloaded."""

import json
import shutil
import time
from urllib.parse import urlsplit

import pytest

PATIENCE = 60.0
"""Seconds to wait for anything on a busy machine."""
PHONE = {"width": 390, "height": 780, "deviceScaleFactor": 2, "mobile": True}
MISSING = "–"
ENTRIES = "#app tbody tr:has(a[iconname=eye])"


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def driver(browser, downloads):
    """The browser, without a network, with a log of all that it asks for."""
    webdriver = pytest.importorskip("selenium.webdriver")
    program = shutil.which("chromedriver")
    if program is None:
        pytest.skip("needs chromedriver on the PATH; none here")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(program))
    yield driver
    driver.quit()


def wait_for(found):
    """Return what ``found()`` gives once it gives something."""
    deadline = time.monotonic() + PATIENCE
    while not (result := found()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return result


class Report:
    """The report as a person uses it: the menu on the left, a table's page in the frame."""

    def __init__(self, driver, file):
        self.driver = driver
        self.file = file
        driver.get_log("performance")
        driver.get_log("browser")
        driver.get(file.as_uri())

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def entries(self, category):
        """Choose a category; return the names of its entries."""
        (link,) = wait_for(lambda: [x for x in self.all("#app a") if x.text.strip() == category])
        link.click()
        return [row.text.strip() for row in wait_for(lambda: self.all(ENTRIES))]

    def open(self, entry):
        """Click the eye beside an entry and step into its page."""
        self.driver.switch_to.default_content()
        (row,) = [row for row in self.all(ENTRIES) if row.text.strip() == entry]
        row.find_element("css selector", "a[iconname=eye]").click()
        wait_for(lambda: self.all("iframe"))
        self.driver.switch_to.frame(0)
        wait_for(lambda: [x for x in self.all("h1") if x.text == entry])
        wait_for(lambda: self.all(".dt-container"))

    def heads(self):
        return [head.text.split("\n")[0] for head in self.all("thead th")]

    def head(self, name):
        return self.all("thead th")[self.heads().index(name)]

    def column(self, name):
        """The entries of a column, as they are shown from top to bottom."""
        rows = "[...document.querySelectorAll('tbody tr')]"
        entries = f"return {rows}.map(row => row.cells[arguments[0]].innerText)"
        return self.driver.execute_script(entries, self.heads().index(name))

    def failed(self):
        return [x["message"] for x in self.driver.get_log("browser") if x["level"] == "SEVERE"]

    def asked(self):
        """All that the browser wanted from somewhere since the report was opened."""
        messages = [json.loads(x["message"])["message"] for x in self.driver.get_log("performance")]
        requests = [x["params"] for x in messages if x["method"] == "Network.requestWillBeSent"]
        return [request["request"]["url"] for request in requests]


@pytest.fixture
def report(driver, tiny_report):
    report = Report(driver, tiny_report)
    yield report
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def numbers(entries):
    return [float(entry.replace(",", "")) for entry in entries if entry != MISSING]


@pytest.mark.parametrize(("category", "number"), [("Tables", 18), ("What was run", 2)])
def test_every_table_is_a_page_with_words_for_heads(report, category, number):
    others = {"Configuration with all defaults", "What made it, for programs"}
    entries = [entry for entry in report.entries(category) if entry not in others]
    assert len(entries) == number
    for entry in entries:
        report.open(entry)
        heads = report.heads()
        assert heads, entry
        assert not any("_" in head for head in heads), heads
    assert report.failed() == []


def test_a_click_on_a_head_sorts_as_numbers(report):
    report.entries("Tables")
    report.open("Learning curves")
    name = "energy MAE"
    before = numbers(report.column(name))
    assert before != sorted(before)
    head = report.head(name)
    assert head.find_element("css selector", ".unit").text == "meV/atom"
    head.click()
    assert numbers(report.column(name)) == sorted(before)
    assert report.head(name).get_attribute("aria-sort") == "ascending"
    report.head(name).click()
    assert numbers(report.column(name)) == sorted(before, reverse=True)
    assert report.head(name).get_attribute("aria-sort") == "descending"


def test_a_table_is_sorted_without_a_mouse(report):
    report.entries("Tables")
    report.open("Learning curves")
    report.head("force MAE").find_element("css selector", "[role=button]").send_keys("\ue007")
    shown = numbers(report.column("force MAE"))
    assert shown == sorted(shown)


def test_what_is_missing_comes_last_both_ways(report):
    report.entries("Tables")
    report.open("Scaling laws")
    n_missing = report.column("exponent").count(MISSING)
    assert 0 < n_missing < len(report.column("exponent"))
    for _ in range(2):
        report.head("exponent").click()
        assert report.column("exponent")[-n_missing:] == [MISSING] * n_missing
        assert MISSING not in report.column("exponent")[:-n_missing]


def test_a_search_leaves_the_rows_that_hold_it(report):
    report.entries("Tables")
    report.open("Learning curves")
    before = report.column("method")
    (search,) = report.all("input[type=search]")
    search.send_keys("target_reference")
    wait_for(lambda: len(report.column("method")) < len(before))
    assert set(report.column("method")) == {"target_reference"}
    assert f"({len(before)} without the search)" in report.all(".dt-info")[0].text


def test_the_link_downloads_the_file_bit_for_bit(report, downloads, tiny_study):
    report.entries("Tables")
    report.open("Scaling laws")
    (link,) = report.all("header a")
    link.click()
    file = downloads / "scaling_laws.csv"
    wait_for(file.exists)
    assert file.read_bytes() == (tiny_study / "scaling_laws.csv").read_bytes()


def test_nothing_is_asked_of_a_network(report):
    report.entries("Tables")
    report.open("Errors by kind of frame")
    report.head("energy MAE").click()
    (search,) = report.all("input[type=search]")
    search.send_keys("largest")
    (link,) = report.all("header a")
    link.click()
    asked = report.asked()
    assert report.file.as_uri() in asked
    others = {urlsplit(url).scheme for url in asked if url != report.file.as_uri()}
    assert others <= {"data", "blob"}
    assert "blob" in others  # the code of the page: the log sees into the frame


def test_a_phone_shows_a_table_within_its_width(report):
    report.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    report.entries("Tables")
    report.open("Scaling laws")
    report.driver.switch_to.default_content()
    # the menu covers a narrow screen until it is closed
    report.all("#app a[type=button]")[1].click()
    report.driver.switch_to.frame(0)
    page, box = "document.documentElement", "document.querySelector('.dt-layout-table')"
    inside = "return [{0}.clientWidth, {0}.scrollWidth]"
    wait_for(lambda: report.driver.execute_script(inside.format(page))[0] > 300)
    width, needed = report.driver.execute_script(inside.format(page))
    assert needed <= width <= PHONE["width"]
    width, needed = report.driver.execute_script(inside.format(box))
    assert needed > width  # the table scrolls in its own box
