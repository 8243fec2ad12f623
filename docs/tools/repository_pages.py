"""Hook of MkDocs: files of the repository outside docs/ that are pages of the site, too.

They and the pages of docs/ link to each other as files, so that links work wherever the repository
is read; here the links are turned into those between pages.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "profiles/README.md": "profiles.md",
}
"""Files, from the root of the repository, and the pages that they are."""
_LINK = re.compile(r"(?<=\]\()([^)\s#:]+)(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    root = Path(config.config_file_path).parent
    for name, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(root / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Turn links between files of the repository into links between pages."""
    by_page = {page: name for name, page in PAGES.items()}
    here = page.file.src_uri
    folder = posixpath.dirname(by_page.get(here, f"docs/{here}"))

    def page_link(match: re.Match) -> str:
        target = posixpath.normpath(posixpath.join(folder, match[1]))
        if target in PAGES:
            target = f"docs/{PAGES[target]}"
        if not target.startswith("docs/"):
            return match[1]  # no page: the strict build says so
        return posixpath.relpath(target.removeprefix("docs/"), posixpath.dirname(here) or ".")

    return _LINK.sub(page_link, markdown)
