"""The report in a real browser: it opens, its figures show, and it asks nothing of a network."""

import json
import re
import subprocess
from html import unescape

import pytest

# Registered before anything loads: errors of scripts and of elements that could not be loaded.
WATCH = """<script>
const failed = [];
addEventListener("error", e => failed.push(e.message || e.target.outerHTML.slice(0, 200)), true);
addEventListener("unhandledrejection", e => failed.push(String(e.reason)));
</script>"""
# Looks at the opening page, then loads every figure, and leaves what it found in the page.
LOOK = """<script>
async function look() {
  const page = document.querySelector("#app");
  const found = {
    text: page.innerText,
    opening: [...page.querySelectorAll("img")].map(i => [i.naturalWidth, i.alt]),
    tables: [...page.querySelectorAll("table")].map(t => t.rows.length),
    categories: Object.keys(categories).sort((a, b) => a.localeCompare(b)),
    figures: {},
  };
  for (const [path, result] of Object.entries(results)) {
    if (!/^data:image/.test(result.data_uri)) continue;
    const image = new Image();
    await new Promise(done => {
      image.onload = image.onerror = done;
      image.src = result.data_uri;
    });
    found.figures[path] = image.naturalWidth;
  }
  app.showCategory("Figures");
  await new Promise(done => setTimeout(done, 500));
  found.figuresMenu = page.innerText;
  found.asked = performance.getEntriesByType("resource")
    .map(r => r.name).filter(name => !/^(data|blob):/.test(name));
  return found;
}
addEventListener("load", () => setTimeout(async () => {
  const found = await look().catch(error => ({lost: String(error)}));
  found.failed = failed;
  const probe = document.createElement("pre");
  probe.id = "probe";
  probe.textContent = JSON.stringify(found);
  document.body.append(probe);
}, 500));
</script>"""


@pytest.fixture(scope="module")
def seen(tiny_report, browser, tmp_path_factory):
    """What a browser without a network makes of the tiny study's report."""
    folder = tmp_path_factory.mktemp("browser")
    report = folder / "report.html"
    text = tiny_report.read_text(encoding="utf-8")
    watched = re.sub(r"<head[^>]*>", lambda found: found[0] + WATCH, text, count=1)
    assert watched != text
    at = watched.rindex("</body>")
    report.write_text(watched[:at] + LOOK + watched[at:], encoding="utf-8")
    done = subprocess.run(
        [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={folder / 'profile'}",
            "--window-size=1400,1000",
            "--virtual-time-budget=30000",
            "--dump-dom",
            report.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    probe = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, flags=re.DOTALL)
    assert probe, f"the page left no probe; the browser said:\n{done.stderr[-2000:]}"
    return json.loads(unescape(probe[1]))


def test_nothing_fails_and_nothing_is_fetched(seen):
    assert seen["failed"] == []
    assert seen["asked"] == []


def test_it_opens_with_question_figure_and_table(seen):
    ((width, words),) = [(width, words) for width, words in seen["opening"] if words]
    assert width > 1000
    assert words.startswith("Test errors against the number of")
    assert 4 in seen["tables"]  # a row for each of the three sizes, and the header
    places = [seen["text"].index(text) for text in ("The question.", "mean over the seeds")]
    assert places == sorted(places)
    assert "not DFT" in seen["text"]


def test_every_figure_shows(seen):
    names = {path.rsplit("/", 1)[-1] for path in seen["figures"]}
    assert {"learning_curves.png", "methods.png", "references.png", "gradients.png"} <= names
    assert all(width > 500 for width in seen["figures"].values()), seen["figures"]
    assert "Methods side by side" in seen["figuresMenu"]


def test_categories_come_in_order(seen):
    assert seen["categories"] == ["Answer", "Figures", "Tables", "What was run"]
