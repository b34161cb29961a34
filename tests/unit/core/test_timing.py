"""The more remotes are under way, the more rarely each gives a sign of life."""

import pytest

from mops.core.timing import Timing, interval_among


@pytest.mark.parametrize(
    ("remotes", "heartbeat", "interval"),
    [(0, 10, 10), (1, 10, 10), (100, 10, 10), (250, 10, 25), (600, 10, 60), (10_000, 10, 60), (10_000, 1, 60)],
)
def test_a_hundred_remotes_beat_as_often_as_one_and_more_beat_more_rarely_down_to_once_a_minute(
    remotes, heartbeat, interval
):
    assert interval_among(remotes, heartbeat) == interval


def test_who_asks_for_rarer_beats_has_them_however_many_there_are():
    assert [interval_among(remotes, 120) for remotes in (1, 1_000)] == [120, 120]


def test_looks_over_a_network_begin_a_second_apart_and_nothing_else_differs():
    near = Timing(first_look=1, in_flight=2, start_timeout=3, sync_after=4)
    far = near.over_a_network()
    assert [near.until_next_look(waited) for waited in (0, 1, 80, 10_000)] == [0.005, 0.125, 10, 20]
    assert [far.until_next_look(waited) for waited in (0, 1, 80, 10_000)] == [1, 1, 10, 20]
    assert (far.first_look, far.in_flight, far.start_timeout, far.sync_after) == (1, 2, 3, 4)
