import pytest

from dsl.model import Task, Workflow
from engine.store.readiness import images_by_pool
from workers.runners.container.images import credentials
from workers.runners.interface import RunnerError


@pytest.mark.parametrize("secret", ["me:p:w", ' {"username": "me", "password": "p:w"}\n'])
def test_a_login_is_a_pair_or_json(secret: str) -> None:
    assert credentials({"registry": secret}) == {"username": "me", "password": "p:w"}


@pytest.mark.parametrize("secret", ["hunter22", '{"username": "hunter22"}', '{"hunter22', '{"password": ["hunter22"]}'])
def test_another_form_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(RunnerError, match="username and password") as caught:
        credentials({"registry": secret})
    assert "hunter22" not in str(caught.value)


def test_without_one_nobody_signs_in() -> None:
    assert credentials({"image": "i"}) is None


def test_images_behind_a_login_are_not_asked_for_ahead_of_time() -> None:
    specs = {"a": {"image": "open"}, "b": {"image": "closed", "registry": "LOGIN"}}
    tasks = {name: Task(id=name, kind="container", spec=spec) for name, spec in specs.items()}
    assert images_by_pool(Workflow(name="w", tasks=tasks)) == {"default": ["open"]}
