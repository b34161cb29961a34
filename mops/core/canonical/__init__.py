"""Values as canonical bytes: what memo keys are digests of."""

from mops.core.canonical.encoder import MAX_DEPTH, Encoder, Hooks, Rule, by_reference

__all__ = ["MAX_DEPTH", "Encoder", "Hooks", "Rule", "by_reference"]
