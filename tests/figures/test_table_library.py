"""What the pages carry of DataTables."""

import base64
import gzip
from importlib import resources

from rungs.figures.table_library import core, packed_library


def test_a_page_carries_the_core_of_the_pinned_version():
    """A third of the bundle; where the pattern no longer fits a version, this tells."""
    bundle = resources.files("itables").joinpath("html", "dt_bundle.js").read_text("utf-8")
    code = gzip.decompress(base64.b64decode(packed_library())).decode()
    assert code == core(bundle)
    assert len(code) < len(bundle) / 3
    assert "MIT licence" in code.splitlines()[0]
    assert "searchBuilder" not in code
    assert len(packed_library()) < 100_000


def test_a_bundle_of_another_form_is_carried_whole():
    assert core("const a = 1; export { a as default };") == "const a = 1; export { a as default };"
