"""Models of pydantic: keyed by class, fields, extra, private and cached attributes, and which fields were set."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel


def structure_for(cls: type) -> Callable[[Any], object] | None:
    """Give the function that makes the structure of an instance of a class, if the class is pydantic's affair."""
    return _model if issubclass(cls, BaseModel) else None


def _model(model: BaseModel) -> object:
    return vars(model), model.__pydantic_extra__, model.__pydantic_private__, model.model_fields_set
