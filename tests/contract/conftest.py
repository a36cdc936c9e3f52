from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.contract.client import Client

from scorewright_rehearse import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def azure() -> Iterator[Emulator]:
    """An emulator without containers."""
    with Emulator(stub=True, answer=lambda service, body: [7]) as emulator:
        yield emulator


@pytest.fixture
def client(azure: Emulator) -> Iterator[Client]:
    client = Client(azure)
    yield client
    client.close()
