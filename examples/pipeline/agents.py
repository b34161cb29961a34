"""A helper that a stage in another module calls. Edit it, and that stage is computed anew."""

BOTS = ("bot", "crawler", "spider")


def is_person(agent: str) -> bool:
    """Whether a request came from somebody who waits for the answer."""
    return not any(word in agent.lower() for word in BOTS)
