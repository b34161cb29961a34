"""Models of pydantic: keyed by class, fields, extra fields, private attributes and which fields were set."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel


def structure_for(cls: type) -> Callable[[Any], object] | None:
    """Give the function that makes the structure of an instance of a class, if the class is pydantic's affair."""
    return _model if issubclass(cls, BaseModel) else None


def _model(model: BaseModel) -> object:
    declared = type(model).model_fields
    fields = {
        name: value for name, value in vars(model).items() if name in declared
    }  # the others are cached properties
    return fields, model.__pydantic_extra__, model.__pydantic_private__, model.model_fields_set
