"""The library that makes a table of the report sortable and searchable: DataTables, of itables."""

import base64
import functools
import gzip
import re
from importlib import resources

_NAME = r"[\w$]+"
_JQUERY_BEGINS = re.compile(
    rf"function {_NAME}\([^()]*\){{if\([^{{}}]*\)throw new Error\("
    r'"jQuery requires a window with a document"\)'
)
_DATATABLES_ENDS = re.compile(
    rf"({_NAME})\.each\((?P<datatable>{_NAME}),function\(({_NAME}),({_NAME})\){{"
    r"\1\.fn\.DataTable\[\3\]=\4}\);"
)
_LICENCES = (
    "/*! jQuery, © OpenJS Foundation and other contributors, MIT licence, jquery.com/license; "
    "DataTables, © SpryMedia Ltd, MIT licence, datatables.net/license */\n"
)


def core(bundle: str) -> str:
    """Return jQuery and DataTables as a module of their own, DataTables its default export.

    The bundle of itables is jQuery, DataTables and all its extensions, minified and one after the
    other. What stands before and behind the first two is more than two thirds of it, and the report
    would carry it once for each table. Where the two are not found, as in another version it may
    be, the bundle is returned as it is, which has the same export.
    """
    begin = _JQUERY_BEGINS.search(bundle)
    end = begin and _DATATABLES_ENDS.search(bundle, begin.end())
    if not end:
        return bundle
    code = bundle[begin.start() : end.end()]
    return f"{_LICENCES}{code}export{{{end['datatable']} as default}};"


@functools.cache
def packed_library() -> str:
    """Return DataTables as a module of JavaScript, compressed by gzip, in base 64.

    Every page carries a copy, as none can read another's: frames of data are strangers to each
    other. Browsers unpack it themselves (``DecompressionStream``).
    """
    bundle = resources.files("itables").joinpath("html", "dt_bundle.js")
    code = core(bundle.read_text(encoding="utf-8"))
    return base64.b64encode(gzip.compress(code.encode(), 9, mtime=0)).decode("ascii")
