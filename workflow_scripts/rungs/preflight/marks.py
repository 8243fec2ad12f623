"""What a check found: a list of ticks, crosses and warnings."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

State = Literal["good", "warning", "bad"]
_SIGNS: dict[State, tuple[str, str]] = {
    "good": ("✓", "ok"),
    "warning": ("!", "!"),
    "bad": ("✗", "x"),
}


@dataclass
class Marks:
    """Findings in their order; each is told as soon as it is there."""

    say: Callable[[str], None]
    encoding: str = "utf-8"
    """Of the terminal; where it lacks the signs, letters stand for them."""
    states: list[State] = field(default_factory=list)

    def good(self, text: str) -> None:
        """Something is as it should be."""
        self._add("good", text)

    def warn(self, text: str) -> None:
        """Something that a person has to know, and that stops nothing."""
        self._add("warning", text)

    def bad(self, text: str) -> None:
        """Something that stops the study, in whole lines: one mark for each."""
        for line in text.splitlines():
            if line.startswith("  ") and self.states and self.states[-1] == "bad":
                self.say(self._encoded(f"    {line.strip()}"))
            else:
                self._add("bad", line)

    def all_warnings(self, texts: Iterable[str]) -> None:
        """Several warnings."""
        for text in texts:
            self.warn(text)

    @property
    def has_bad(self) -> bool:
        """Whether there is a cross."""
        return "bad" in self.states

    def summary(self) -> str:
        """A last line."""
        n_bad, n_warnings = (self.states.count(state) for state in ("bad", "warning"))
        if n_bad:
            return f"{n_bad} {'thing stops' if n_bad == 1 else 'things stop'} this study"
        if n_warnings:
            return f"nothing stops this study; {n_warnings} to look at"
        return "nothing stops this study"

    def _add(self, state: State, text: str) -> None:
        self.states.append(state)
        sign = next(sign for sign in _SIGNS[state] if self._can_show(sign))
        self.say(self._encoded(f"{sign:2} {text}"))

    def _can_show(self, sign: str) -> bool:
        try:
            sign.encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    def _encoded(self, text: str) -> str:
        if self._can_show(text):
            return text
        for sign, plain in (("Å", "A"), ("³", "^3"), ("−", "-"), ("…", "..."), ("μ", "u")):
            text = text.replace(sign, plain)
        return text.encode("ascii", "replace").decode()
