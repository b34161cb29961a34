"""The Serializer that pickles keeps the contract."""

import pytest

from mops.adapters.serializers.pickling import PicklingSerializer
from mops.testing.serializer_suite import SerializerContract


class TestPicklingSerializer(SerializerContract):
    @pytest.fixture
    def serializer(self):
        return PicklingSerializer()
