"""Tables as pages: what stands on them, and what they carry."""

import html.parser
import urllib.parse

import pytest

from rungs.errors import StudyError
from rungs.figures import table_pages
from rungs.figures.table_pages import table_page, write_pages

LAWS = '''method,metric,exponent,exponent_low,exponent_high,floor,n_seeds,note
scratch,energy_mae_mev_per_atom,0.34567891,0.31234567,0.38123456,,2,"a <b> & ""c"""
target_reference,force_mae_mev_per_angstrom,,,,,12000,
'''


class Reader(html.parser.HTMLParser):
    """The table of a page, its link, and all that it would fetch."""

    def __init__(self, page):
        super().__init__()
        self.head, self.rows, self.links, self.fetched = [], [], [], []
        self.scopes, self.orders = [], []
        self._cells = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "a":
            self.links.append(attrs)
        elif tag == "tr":
            self._cells = []
        elif tag in ("th", "td"):
            self._cells.append("")
            self.scopes.append(attrs.get("scope"))
            self.orders.append(attrs.get("data-order"))
        elif attrs.get("src") or tag == "link":
            self.fetched.append(attrs)

    def handle_data(self, data):
        if self._cells:
            self._cells[-1] += data

    def handle_endtag(self, tag):
        if tag == "tr":
            cells = [" ".join(cell.split()) for cell in self._cells]
            if self.head:
                self.rows.append(cells)
            else:
                self.head = cells
            self._cells = None


def read(text, **given):
    told = {"file": "tables/some.csv", "title": "Some laws", **given}
    page = table_page(text, **told)
    return page, Reader(page)


def test_heads_are_words_and_numbers_are_rounded():
    _, table = read(LAWS)
    interval = "exponent: 90 % interval, seeds"
    assert table.head == ["method", "error", "exponent", interval, "seeds", "note"]
    assert table.rows == [
        ["scratch", "energy MAE, meV/atom", "0.3457", "0.312 to 0.381", "2", 'a <b> & "c"'],
        ["target_reference", "force MAE, meV/Å", "–", "–", "12,000", "–"],
    ]


def test_a_column_without_entries_is_named_and_left_out():
    page, table = read(LAWS)
    assert "floor" not in " ".join(table.head)
    assert "Left out here, as no row shown has an entry: <code>floor</code>" in page


def test_the_table_is_a_real_one_for_those_who_hear_it():
    page, table = read(LAWS)
    assert table.scopes == ["col"] * 6 + ["row", *[None] * 5] * 2
    assert "<caption>Some laws</caption>" in page
    assert '<html lang="en">' in page


def test_numbers_are_sorted_as_numbers():
    _, table = read(LAWS)
    first = table.orders[6:12]
    assert first == [None, None, "0.34567891", "0.31234567", "2", None]


def test_the_link_gives_the_file_bit_for_bit():
    _, table = read(LAWS)
    ((_, address), (_, name)) = table.links[0].items()
    kind, _, data = address.partition(",")
    assert kind == "data:text/csv;charset=utf-8"
    assert urllib.parse.unquote(data) == LAWS
    assert name == "some.csv"


def test_nothing_is_fetched():
    page, table = read(LAWS)
    assert table.fetched == []
    # the name space of drawings apart, no address of a network stands on the page itself
    assert "http" not in page.replace("http://www.w3.org", "")


def test_a_long_table_is_cut_and_says_so(monkeypatch):
    monkeypatch.setattr(table_pages, "MAX_ROWS", 3)
    text = "method,size\n" + "".join(f"m,{k}\n" for k in range(5))
    page, table = read(text)
    assert [row[1] for row in table.rows] == ["0", "1", "2"]
    assert "The first 3 of 5 rows" in page
    assert "for all rows and digits" in page
    assert urllib.parse.unquote(table.links[0]["href"]).endswith(text)


def test_a_large_file_is_not_carried_along(monkeypatch):
    monkeypatch.setattr(table_pages, "MAX_CSV_BYTES", 20)
    page, table = read(LAWS)
    assert table.links == []
    assert "<code>tables/some.csv</code> in the study's folder" in page
    assert "too large" in page


def test_a_table_without_rows_keeps_its_heads():
    page, table = read("method,size\n")
    assert table.head == ["method", "target frames"]
    assert table.rows == []
    assert "0 rows" in page


@pytest.mark.parametrize("text", ["", "method,size\nscratch\n"])
def test_a_damaged_table_is_refused(text):
    with pytest.raises(StudyError, match=r"tables/some.csv: its rows differ"):
        read(text)


def test_all_pages_at_once(tmp_path):
    folder = tmp_path / "results/mine"
    (folder / "tables").mkdir(parents=True)
    (folder / "tables/plan.csv").write_text("method,size\nscratch,3\n")
    (folder / "evaluation.csv").write_text("method,size\nscratch,4\n")
    tables = {"plan": folder / "tables/plan.csv", "evaluation": folder / "evaluation.csv"}
    pages = {name: folder / f"pages/{name}.html" for name in tables}
    line = write_pages(tables, pages, {"plan": "A plan", "evaluation": "Errors"})
    assert line == "2 tables written as pages"
    plan = pages["plan"].read_text(encoding="utf-8")
    assert "<title>A plan</title>" in plan
    assert "<code>tables/plan.csv</code>" in plan
    assert Reader(pages["evaluation"].read_text(encoding="utf-8")).rows == [["scratch", "4"]]


def test_an_entry_of_several_lines_is_one_entry():
    _, table = read('method,note\r\nscratch,"one\ntwo"\r\n')
    assert table.rows == [["scratch", "one two"]]
