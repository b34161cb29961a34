"""Keys of pydantic's models."""

import functools
import threading

import pytest
from pydantic import BaseModel, ConfigDict, PrivateAttr, RootModel
from pydantic.dataclasses import dataclass

from mops.api.functions.key_registry import registry
from mops.core.canonical import Encoder
from mops.core.errors import UnkeyableArgumentError


def key(value):
    return Encoder(registry.hooks()).encode(value, "value")


def different(*values):
    assert len({key(value) for value in values}) == len(values)


class Model(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    x: int = 1
    inner: "Model | None" = None
    anything: object = None
    _secret: int = PrivateAttr(0)

    @functools.cached_property
    def double(self):
        return 2 * self.x


class Other(Model):
    pass


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Numbers(RootModel[list[int]]):
    pass


@dataclass
class Data:
    x: int


def with_secret(secret):
    model = Model(x=1)
    model._secret = secret
    return model


def test_models_with_the_same_fields_have_one_key():
    assert key(Model(x=2, inner=Model(x=3))) == key(Model(inner=Model(x=3), x=2))


def test_class_fields_extras_private_attributes_and_what_was_set_count():
    different(Model(), Model(x=1), Model(x=2), Other(x=1), with_secret(1), with_secret(2), Model(x=1, inner=Model()))
    different(Open(a=1), Open(a=2), Open(b=1), Open(), Numbers([1]), Numbers([2]), Data(1), Data(2), {"a": 1})


def test_a_cached_property_counts_once_it_has_a_value():
    used, set_by_hand = Model(x=4), Model(x=4)
    assert used.double == 8
    set_by_hand.__dict__["double"] = 99
    different(used, set_by_hand, Model(x=4))


def test_an_unkeyable_field_is_named():
    with pytest.raises(UnkeyableArgumentError) as caught:
        key([Model(inner=Model(anything=threading.Lock()))])
    assert caught.value.path == "value[0].inner.anything"
