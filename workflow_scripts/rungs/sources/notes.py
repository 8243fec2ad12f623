"""What a reader has to tell besides its frames: said once, with counts and examples."""

from collections.abc import Iterator

_SHOWN = 3


class Notes:
    """Remarks on a source, gathered while it is read."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}

    def add(self, text: str, example: str = "", count: int = 1) -> None:
        """Remark ``text``; a remark made again is counted.

        Args:
            text: a sentence without its end; ``{n}`` in it stands for the count.
            example: a frame, file or the like that the remark is about; the first few are shown.
            count: how often the remark applies this time.
        """
        self._counts[text] = self._counts.get(text, 0) + count
        shown = self._examples.setdefault(text, [])
        if example and example not in shown and len(shown) <= _SHOWN:
            shown.append(example)

    def lines(self) -> Iterator[str]:
        """The remarks in the order in which they were first made, a line each."""
        for text, count in self._counts.items():
            examples = self._examples[text]
            shown = ", ".join(examples[:_SHOWN]) + (", …" if len(examples) > _SHOWN else "")
            yield text.replace("{n}", str(count)) + (f" ({shown})" if shown else "")
