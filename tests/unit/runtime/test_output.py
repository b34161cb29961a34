"""The keeper of a remote's output asks the store for nothing that it need not, and never insists."""

from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.api.worlds import contents_of
from mops.core.claim import Adoption, Claim, Epoch
from mops.core.effects import Get, Put
from mops.core.errors import StoreUnavailable
from mops.core.kept_output import read_output
from mops.runtime.clock import SystemClock
from mops.runtime.output import OutputKeeper
from mops.runtime.world import World
from tests.unit.core.desk import MEMO, key


class Desk:
    """A store that counts what it is asked for, and is out of reach for as long as it is told to be."""

    def __init__(self, name):
        self.world = World(MemoryBlobStore(name), SystemClock(), print, 10.0, contents_of)
        self.asked = []
        self.out_of_reach = False

    def perform(self, effect):
        if isinstance(effect, Get | Put):
            self.asked.append(type(effect).__name__)
            if self.out_of_reach:
                raise StoreUnavailable("no answer")
        return self.world.perform(effect)

    def keeper(self, remotes=1):
        epoch = Epoch(1, Claim({"session": "s", "nonce": "1", "generation": 0}))
        epoch.log += [Adoption({"session": str(number), "nonce": "1"}) for number in range(remotes)]
        return OutputKeeper(MEMO, epoch, self.perform)

    def kept(self):
        return read_output(MEMO, 1, self.world.store.get(key("e1.out"))).after(0)


def test_nothing_printed_asks_nothing(request):
    desk = Desk(request.node.name)
    desk.keeper().store()
    assert desk.asked == []


def test_what_is_stored_is_stored_once(request):
    desk = Desk(request.node.name)
    keeper = desk.keeper()
    keeper.add(b"one\n")
    keeper.store()
    keeper.store()
    assert desk.asked == ["Put"]
    keeper.add(b"two\n")
    keeper.store()
    assert desk.asked == ["Put", "Put"]
    assert desk.kept() == b"one\ntwo\n"


def test_a_store_out_of_reach_is_asked_once_and_again_next_time(request):
    desk = Desk(request.node.name)
    desk.out_of_reach = True
    keeper = desk.keeper()
    keeper.add(b"one\n")
    keeper.store()
    assert desk.asked == ["Put"]
    desk.out_of_reach = False
    keeper.store()
    assert desk.kept() == b"one\n"


def test_a_replacement_does_not_erase_what_it_cannot_read_yet(request):
    desk = Desk(request.node.name)
    first = desk.keeper()
    first.add(b"the first\n")
    first.store()
    second = desk.keeper(remotes=2)
    second.add(b"the second\n")
    desk.out_of_reach = True
    second.store()
    desk.out_of_reach = False
    assert desk.kept() == b"the first\n"
    second.add(b"and more\n")
    second.store()
    second.store()
    assert desk.asked == ["Put", "Get", "Get", "Put"]
    assert desk.kept() == b"the first\n\n[another remote goes on from here]\nthe second\nand more\n"


def test_a_replacement_puts_its_own_in_the_place_of_what_is_damaged_or_was_never_there(request):
    desk = Desk(request.node.name)
    keeper = desk.keeper(remotes=2)
    keeper.add(b"the second\n")
    keeper.store()
    assert desk.kept() == b"the second\n"
    desk.world.store.put(key("e1.out"), b"damaged")
    again = desk.keeper(remotes=2)
    again.add(b"the third\n")
    again.store()
    assert desk.kept() == b"the third\n"
