"""Roles in namespaces, and what follows from them. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dsl.namespaces import allows

EVERYWHERE: Final = "*"


class Role(StrEnum):
    """What one may do; each may what those before it may."""

    VIEWER = "viewer"
    """Read."""
    OPERATOR = "operator"
    """Run, cancel, retry, approve, pause."""
    EDITOR = "editor"
    """Set secrets, and set things against the source: pin, restore, suspend."""
    ADMIN = "admin"
    """Everything."""

    def includes(self, other: "Role") -> bool:
        """Whether whoever has this role may do what the other one may."""
        return _RANK[self] >= _RANK[other]


_RANK: Final = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in namespaces: `*` (all of them, and what belongs to none), `data`, or `data.*` (it and all beneath)."""

    role: Role
    namespaces: str = EVERYWHERE

    def covers(self, namespace: str) -> bool:
        """Whether it counts in a namespace; the empty one is what belongs to none."""
        return self.namespaces == EVERYWHERE or (namespace != "" and allows([self.namespaces], namespace))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an account with its grants; `within` narrows them, as a token may."""

    name: str
    grants: tuple[Grant, ...]
    within: Grant | None = None

    def may(self, role: Role, namespace: str) -> bool:
        """Whether the caller has the role, or one that includes it, in a namespace."""
        wide = any(grant.role.includes(role) and grant.covers(namespace) for grant in self.grants)
        return wide and (self.within is None or (self.within.role.includes(role) and self.within.covers(namespace)))

    def may_everywhere(self, role: Role) -> bool:
        """Whether the caller has the role in all namespaces, and for what belongs to none."""
        return self.may(role, "")


LOCAL: Final = Caller("anybody", (Grant(Role.ADMIN),))
"""Whoever reaches the server, as long as there is no account: on this machine alone."""
