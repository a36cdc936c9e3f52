from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.contract.client import MMS, Client

if TYPE_CHECKING:
    from scorewright_rehearse import Emulator


@pytest.fixture
def service(client: Client) -> Client:
    """A client with a service named mnist."""
    client.create_cluster()
    client.deploy()
    return client


def token(client: Client, name: str) -> str:
    answer: str = client.call("POST", "models", f"{MMS}/services/{name}/token").json()["accessToken"]
    return answer


def test_either_key_opens(service: Client) -> None:
    for key in service.keys().values():
        reply = service.score(key=key)
        assert (reply.status_code, reply.json()) == (200, [7])
        assert reply.headers["x-scorewright-device"] == "cpu (rehearsal)"


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic eA=="}, {"Authorization": "Bearer wrong"}])
def test_without_the_key_it_is_401(azure: Emulator, service: Client, header: dict[str, str]) -> None:
    reply = service.direct.post(f"{azure.front}/api/v1/service/mnist/score", json={}, headers=header)
    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_old_key_closes_when_it_is_regenerated(service: Client) -> None:
    old = service.keys()["primaryKey"]
    service.call("POST", "models", MMS + "/services/mnist/regenerateKeys", {"keyType": "Primary"})
    assert service.score(key=old).status_code == 401
    assert service.score().status_code == 200


def test_without_authentication_anybody_may_ask(azure: Emulator, service: Client) -> None:
    service.patch("mnist", authEnabled=False)
    assert service.direct.post(f"{azure.front}/api/v1/service/mnist/score", json={}).status_code == 200


def test_tokens_open_their_own_service_until_they_expire(azure: Emulator, service: Client) -> None:
    service.deploy("other", aadAuthEnabled=True, authEnabled=False)
    service.patch("mnist", aadAuthEnabled=True, authEnabled=False)
    mine = token(service, "mnist")
    assert service.score(key=mine).status_code == 200
    assert service.score("other", key=mine).status_code == 403
    assert service.score(key=service.keys()["primaryKey"]).status_code == 401
    azure.change(lambda world: world.services["mnist"].tokens.update({mine: 1.0}))
    assert service.score(key=mine).status_code == 401


def test_no_such_service_or_path_is_404(azure: Emulator, service: Client) -> None:
    assert service.direct.post(f"{azure.front}/api/v1/service/none/score").status_code == 404
    assert service.direct.get(f"{azure.front}/elsewhere").status_code == 404
    assert [request.status for request in azure.scores.all()] == [404, 404]


def test_no_port_is_open_beyond_loopback(azure: Emulator) -> None:
    assert azure.front.startswith("http://127.0.0.1:")
    assert azure.proxy.startswith("http://127.0.0.1:")
