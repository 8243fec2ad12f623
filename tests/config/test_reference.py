"""The reference page of the configuration: complete, up to date, and with a link for each key."""

import re

import pytest

from rungs.config.reference import GUIDES, reference_text
from rungs.config.study import Study


@pytest.fixture(scope="module")
def page() -> str:
    return reference_text()


def test_the_page_is_up_to_date(repository, page):
    """`make schema` writes it anew."""
    assert (repository / "docs/configuration.md").read_text(encoding="utf-8") == page


def test_every_key_of_every_section_has_an_entry(page):
    schema = Study.model_json_schema()
    entries = re.findall(r"^- (?:<a id=\"[^\"]+\"></a>)*\*\*`(\w+)`\*\*", page, re.MULTILINE)
    levels = [x for name, x in schema["$defs"].items() if name != "Level"]  # the target's is wider
    keys = [key for model in levels for key in model["properties"] if key != "kind"]
    plain = ["study", "title", "seed", "data_folder", "architecture"]
    assert sorted(entries) == sorted(keys + plain)


def test_an_entry_says_what_a_key_may_hold(page):
    def entry(anchor: str) -> str:
        anchored = f'<a id="{anchor}"></a>'
        return next(x for x in page.splitlines() if anchored in x and x.startswith("- "))

    assert entry("split.test").endswith("number from 0 below 1 · default `0.1`<br>")
    assert "whole number from 1 to 1000 · default `16`" in entry("crystals.frames_per_crystal")
    assert "`Adam` or `AdamW` · default `Adam`" in entry("fine_tuning.optimizer")
    assert "non-empty list of whole numbers from 0 · **required**" in entry("subsets.sizes")
    assert (
        "- **`near_duplicates`** · [section](#filters.near_duplicates) or `null` · default" in page
    )
    price = "**`price`** · [section](#price) or `null` · default `null` · of the target only"
    assert f'<a id="target.price"></a>{price}' in page


def test_anchors_are_unique_and_links_within_the_page_lead_to_them(page):
    anchors = re.findall(r'<a id="([^"]+)"></a>', page)
    assert len(set(anchors)) == len(anchors)
    headings = re.findall(r"^#+ `?(\w+)`?$", page, re.MULTILINE)
    assert not set(headings) & set(anchors)
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= {*anchors, *headings}


def test_every_guide_belongs_to_a_section(page):
    assert page.count("\nMore: ") == len(GUIDES)
