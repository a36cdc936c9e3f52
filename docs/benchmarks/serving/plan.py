"""Which loads are put on whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from contenders import Contender


class Shot(NamedTuple):
    """One load. ``kind``: of body. ``fresh``: a new connection for each request. ``rate``: open loop."""

    case: str
    kind: str
    concurrency: int
    rows: int = 1
    fresh: bool = False
    rate: float | None = None

    @property
    def length(self) -> int:
        """How many times as long as others it lasts: where calls are slow, or where few requests come for a p99."""
        return 2 if self.case == "resnet" else 4 if self.rate else 1

    @property
    def key(self) -> str:
        """Its name in the results."""
        extra = ("-fresh" if self.fresh else "") + (f"-open{self.rate:g}" if self.rate else "")
        return f"{self.case}-{self.kind}-c{self.concurrency}" + (f"-r{self.rows}" if self.rows > 1 else "") + extra


OURS = ("recipe", "stock", "fast")
MAIN = [
    *(Shot("mnist", "json", c) for c in (1, 32, 64)),
    Shot("mnist", "f32", 1),
    Shot("mnist", "f32", 32),
    Shot("mnist", "json", 32, fresh=True),
    Shot("mnist", "json", 8, rows=32),
    Shot("mnist", "f32", 8, rows=32),
    Shot("mnist", "json", 32, rate=400.0),
    *(Shot("standin", "json", c) for c in (1, 8, 32, 64)),
    *(Shot("resnet", kind, 8) for kind in ("json", "f32")),
    *(Shot("free", kind, 8) for kind in ("json", "f32", "u8")),
]
OTHERS = [
    *(Shot("mnist", kind, c) for kind in ("json", "f32") for c in (1, 32)),
    *(Shot("standin", "json", c) for c in (1, 8, 32, 64)),
    *(Shot("free", kind, 8) for kind in ("json", "f32")),
]


def shots(contender: Contender, case: str) -> list[Shot]:
    """The loads on a contender with a model; none where it does not take part."""
    if case not in contender.cases:
        return []
    of_all = MAIN if contender.name in OURS else OTHERS
    return [shot for shot in of_all if shot.case == case and shot.kind in contender.kinds]


def starts(contender: Contender, case: str) -> int:
    """How often a contender is started in a round: more often where it is told how long that takes."""
    return 3 if contender.name in OURS and case == "mnist" else 1
