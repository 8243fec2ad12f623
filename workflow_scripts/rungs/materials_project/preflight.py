"""Before anything is planned: is there a key, does the service live, does it take the key?"""

import os
from collections.abc import Mapping
from typing import NamedTuple

from rungs.errors import StudyError

KEY = "MP_API_KEY"
KEY_LENGTH = 32
ALWAYS_RESTRICTED = ("gnome_r2scan_statics",)
"""Batches with a licence of their own, whether or not the heartbeat lists them."""


class Heartbeat(NamedTuple):
    """What the service says of itself."""

    database_version: str
    restricted_batches: tuple[str, ...]
    """Batches of calculations with a licence of their own, in alphabetical order."""


def key_fault(environment: Mapping[str, str] = os.environ) -> str | None:
    """What is wrong with the key in ``environment``, with what to do; None where it looks right.

    The key itself is not part of the text.
    """
    key = environment.get(KEY, "").strip()
    where = (
        f"get your key at https://materialsproject.org/api (free, after signing in) and set it: "
        f"export {KEY}=…"
    )
    if not key:
        return f"the environment variable {KEY} is not set; {where}"
    if len(key) != KEY_LENGTH or not key.isascii() or not key.isalnum():
        return (
            f"the environment variable {KEY} holds {len(key)} characters, but a key of the "
            f"Materials Project has {KEY_LENGTH} letters and digits (keys of its old service "
            f"were shorter); {where}"
        )
    return None


def read_key(environment: Mapping[str, str] = os.environ) -> str:
    """The key in ``environment``.

    Raises:
        StudyError: when it is missing or cannot be one.
    """
    if fault := key_fault(environment):
        raise StudyError(fault)
    return environment[KEY].strip()


def listen(session: object, endpoint: str) -> Heartbeat:
    """Ask the service for its heartbeat.

    Args:
        session: a :class:`~rungs.materials_project.session.PoliteSession`.
        endpoint: address of the service, with a slash at its end.
    """
    response = session.get(endpoint + "heartbeat")
    if response.status_code != 200:
        raise StudyError(
            f"{endpoint} gave no heartbeat (status {response.status_code}); is it the address of "
            "the Materials Project's service? The environment variable MP_API_ENDPOINT sets it"
        )
    body = response.json()
    batches = set(body.get("access_controlled_batch_ids") or ()) | set(ALWAYS_RESTRICTED)
    return Heartbeat(body["db_version"], tuple(sorted(batches)))
