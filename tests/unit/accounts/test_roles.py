"""What a role in namespaces lets one do."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.accounts.roles import LOCAL, Caller, Grant, Role
from engine.accounts.service import may_give

NAMESPACES = ("data", "data.etl", "data.etl.daily", "database", "ops", "")
PATTERNS = ("*", "data", "data.*", "data.etl.*", "ops")

grants = st.builds(Grant, st.sampled_from(Role), st.sampled_from(PATTERNS))
callers = st.builds(Caller, st.just("x"), st.lists(grants, max_size=3).map(tuple), st.none() | grants)


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("*", set(NAMESPACES)),
        ("data", {"data"}),
        ("data.*", {"data", "data.etl", "data.etl.daily"}),
        ("data.etl.*", {"data.etl", "data.etl.daily"}),
        ("ops", {"ops"}),
    ],
)
def test_where_a_grant_counts(pattern: str, covered: set[str]) -> None:
    assert {name for name in NAMESPACES if Grant(Role.VIEWER, pattern).covers(name)} == covered


def test_each_role_includes_those_before_it() -> None:
    for (low, lower), (high, higher) in itertools.combinations(enumerate(Role), 2):
        assert low < high
        assert higher.includes(lower)
        assert not lower.includes(higher)


@given(callers, st.sampled_from(Role), st.sampled_from(NAMESPACES))
def test_a_caller_may_what_a_grant_and_his_token_both_let_him(caller: Caller, role: Role, namespace: str) -> None:
    lets = [grant.role.includes(role) and grant.covers(namespace) for grant in caller.grants]
    within = caller.within is None or (caller.within.role.includes(role) and caller.within.covers(namespace))
    assert caller.may(role, namespace) == (any(lets) and within)


@given(callers, grants)
def test_a_token_that_may_be_given_lets_its_bearer_do_nothing_more(caller: Caller, wanted: Grant) -> None:
    if may_give(caller, wanted):
        bearer = Caller(caller.name, caller.grants, wanted)
        for role, namespace in itertools.product(Role, ("data", "ops", "")):
            if bearer.may(role, namespace) and wanted.namespaces in {"*", "data", "ops"}:
                assert caller.may(role, namespace)


def test_whoever_is_there_before_the_first_account_may_everything() -> None:
    assert all(LOCAL.may(role, namespace) for role in Role for namespace in NAMESPACES)
