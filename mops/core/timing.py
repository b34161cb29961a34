"""How patient a call is."""

from typing import Final, final

_POLL_FRACTION: Final = 8
_LONGEST_POLL: Final = 20.0
_POLL_OVER_A_NETWORK: Final = 1.0
_FEW_REMOTES: Final = 100
_LONGEST_INTERVAL: Final = 60.0


def interval_among(remotes: int, heartbeat: float) -> float:
    """Seconds between the beats of each of so many remotes that are under way at once.

    A hundred beat every ``heartbeat`` seconds; of more, each beats the more rarely, down to once a minute. What they
    announce is what observers go by, so a silent one is replaced after six of these intervals.
    """
    return max(heartbeat, min(_LONGEST_INTERVAL, heartbeat * remotes / _FEW_REMOTES))


@final
class Timing:
    """How long to wait for what, in seconds.

    Attributes:
        first_look: how long an unreachable store is asked again before a call has claimed anything.
        in_flight: the same for a call that waits or runs.
        poll: the first wait between two looks at a call that runs elsewhere; waits grow to 20 s.
        start_timeout: from the start of a command to the first sign of its remote.
        sync_after: results that took at least so long to compute survive a power failure.
    """

    __slots__ = ("first_look", "in_flight", "poll", "start_timeout", "sync_after")

    def __init__(
        self,
        *,
        first_look: float = 60.0,
        in_flight: float = 1800.0,
        poll: float = 0.005,
        start_timeout: float = 300.0,
        sync_after: float = 0.1,
    ) -> None:
        self.first_look = first_look
        self.in_flight = in_flight
        self.poll = poll
        self.start_timeout = start_timeout
        self.sync_after = sync_after

    def over_a_network(self) -> "Timing":
        """The same for a store to which a look is a request that takes its time and costs money: not as often."""
        return Timing(
            first_look=self.first_look,
            in_flight=self.in_flight,
            poll=_POLL_OVER_A_NETWORK,
            start_timeout=self.start_timeout,
            sync_after=self.sync_after,
        )

    def until_next_look(self, waited: float) -> float:
        """Seconds from one look at a call that runs elsewhere to the next: the longer it takes, the longer."""
        return min(_LONGEST_POLL, max(self.poll, waited / _POLL_FRACTION))
