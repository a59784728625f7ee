"""Learns from real usage how far a model's counts are off: one bounded factor per model. Thread-safe."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

_LOWEST, _HIGHEST = 0.5, 2.0
_BELIEVABLE = (0.4, 2.5)  # beyond it something else was counted: a conversation kept elsewhere, a broken upstream
_FEWEST_TOKENS = 200  # in less the constants of a formula outweigh its factor
_FIRST = 6
_THEN_EVERY_SECONDS = 10.0  # counting 150 KB takes the thread longer than the event loop takes to answer them
_NEWEST_WEIGHS = 0.2


@dataclass(slots=True)
class _Model:
    asked: int = 0
    due: float = 0.0
    learned: int = 0
    factor: float = 1.0


class TokenCorrections:
    """Model -> what its counts must be multiplied by, between 0.5 and 2. Keeps the models that were used last."""

    def __init__(self, *, max_models: int = 512, clock: Callable[[], float] = time.monotonic) -> None:
        self._models: OrderedDict[str, _Model] = OrderedDict()
        self._max_models = max_models
        self._clock = clock
        self._lock = Lock()

    def factor(self, model: str) -> float:
        """What to multiply a count by; 1 for a model of which nothing was learned."""
        known = self._models.get(model)
        return known.factor if known is not None else 1.0

    def wants(self, model: str) -> bool:
        """Whether the next answer of `model` should be learned from: the first few, then one every ten seconds."""
        now = self._clock()
        with self._lock:
            known = self._known(model)
            known.asked += 1
            if known.asked > _FIRST and now < known.due:
                return False
            known.due = now + _THEN_EVERY_SECONDS
            return True

    def learn(self, model: str, counted: int, real: int) -> None:
        """One request: how many tokens were `counted` (uncorrected) and how many there were."""
        if counted < _FEWEST_TOKENS or not _BELIEVABLE[0] <= real / counted <= _BELIEVABLE[1]:
            return
        with self._lock:
            known = self._known(model)
            known.learned += 1
            weight = max(1 / known.learned, _NEWEST_WEIGHS)
            factor = known.factor + (real / counted - known.factor) * weight
            known.factor = min(max(factor, _LOWEST), _HIGHEST)

    def _known(self, model: str) -> _Model:
        known = self._models.get(model)
        if known is None:
            known = self._models[model] = _Model()
            if len(self._models) > self._max_models:
                self._models.popitem(last=False)
        else:
            self._models.move_to_end(model)
        return known
