"""What a claim says of the call and its code, beside the arguments: written by the orchestrator, read by the remote."""

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from mops.core.envelope import header_json
from mops.core.fingerprint import Fingerprint
from mops.core.invocation import FunctionReference


class CallDescription(NamedTuple):
    """What a remote needs to know of a call before it unpickles anything.

    Attributes:
        importable: ``module:qualname``; empty where the function travels by value.
        on_code_change: the policy.
        definitions: the table of the code fingerprint.
        first_party: further packages whose code is in it.
        constants: the names in it that a remote may rightly have other values for.
        cache_tag: of the orchestrator's interpreter; other bytecode cannot be compared.
        python: the orchestrator's version, such as ``3.11``.
        serving: memo folders of the calls that wait for this one, outermost first.
        heartbeat: seconds between beats that the remote is to announce.
        tree: digest of the code that travels, in hexadecimal digits; empty where none does.
        edited: what travels may not be what the orchestrator imported: constants count, too.
    """

    importable: str
    on_code_change: str
    definitions: Mapping[str, str]
    first_party: tuple[str, ...]
    constants: frozenset[str]
    cache_tag: str
    python: str
    serving: tuple[str, ...]
    heartbeat: float
    tree: str
    edited: bool

    @classmethod
    def read(cls, call: Mapping[str, Any]) -> "CallDescription":
        """From the header of a claim."""
        tree = call.get("tree")
        return cls(
            importable=str(call["import"]),
            on_code_change=str(call["on_code_change"]),
            definitions=dict(call["definitions"]),
            first_party=tuple(call["first_party"]),
            constants=frozenset(call["constants"]),
            cache_tag=str(call["cache_tag"]),
            python=str(call["python"]),
            serving=tuple(call["serving"]),
            heartbeat=float(call["heartbeat"]),
            tree=str(tree["digest"]) if tree else "",
            edited=bool(tree and tree.get("edited")),
        )


def describe_code(
    reference: FunctionReference,
    importable: str,
    logic_key: str | None,
    on_code_change: str,
    fingerprint: Fingerprint,
    first_party: tuple[str, ...],
) -> bytes:
    """The part of a description that all calls of the same code share."""
    return header_json(
        function=str(reference),
        **{"import": importable},
        logic_key=logic_key,
        on_code_change=on_code_change,
        definitions=dict(fingerprint.table),
        first_party=first_party,
        constants=sorted(fingerprint.constants),
        opaque=list(fingerprint.opaque),
        cache_tag=sys.implementation.cache_tag,
        python=".".join(map(str, sys.version_info[:2])),
    )
