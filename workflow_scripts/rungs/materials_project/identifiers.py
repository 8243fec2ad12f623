"""One spelling for identifiers that the service spells in two ways."""


def canonical(identifier: object) -> str:
    """The identifier as eight or more letters without its prefix: ``aaaaaaft`` for ``mp-149``.

    The service writes ``mp-149`` and ``mp-aaaaaaft`` for the same material or calculation, and
    the trajectories have the letters only. In this spelling text order is numerical order.

    Raises:
        ValueError: for what is no identifier.
    """
    from emmet.core.mpid import AlphaID

    try:
        return str(AlphaID(str(identifier), padlen=8)).rsplit("-", 1)[-1]
    except Exception:
        raise ValueError(f"'{identifier}' is no identifier of the Materials Project") from None


def shown(identifier: str) -> str:
    """A canonical identifier as people know it: ``mp-149``."""
    from emmet.core.mpid import AlphaID

    return f"mp-{int(AlphaID(identifier))}"
