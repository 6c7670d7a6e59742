"""Orders as launchers with a defect understand them: other time-outs, other limits, other ways out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ...defects import Defects
from ...defects.strategies import (
    COMPLETION_TIMEOUT_IGNORED,
    COMPLETION_TIMEOUT_TREBLED,
    LIMIT_HALVED,
    LIMIT_LOOSE,
    NEVER_PAUSED,
    PARALLEL_STARVED,
    PROGRESS_TIMEOUT_IGNORED,
    PROGRESS_TIMEOUT_IMPATIENT,
)
from .order import Order

LOOSE = 1.25
Mistake = Callable[[Order], Order]


def mistaken(order: Order, defects: Defects) -> Order:
    """The order with every mistake made that is switched on."""
    for mistake in _made(defects):
        order = mistake(order)
    return order


def _made(defects: Defects) -> Iterable[Mistake]:
    return (mistake for name, mistake in _MISTAKES.items() if defects.on(name))


def _no_completion_timeout(order: Order) -> Order:
    return replace(order, limits=replace(order.limits, acceptable=0))


def _late(order: Order) -> Order:
    """Whoever waits for a time-out waits three times as long, and nine seconds more."""
    acceptable = order.limits.acceptable
    return replace(order, limits=replace(order.limits, acceptable=3 * acceptable + 9 if acceptable else 0))


def _no_progress_timeout(order: Order) -> Order:
    return replace(order, limits=replace(order.limits, progress=0))


def _impatient(order: Order) -> Order:
    """The progress time-out is taken for one of the whole migration."""
    limits = order.limits
    return replace(order, limits=replace(limits, acceptable=limits.acceptable or limits.progress, disruption=False))


def _never_paused(order: Order) -> Order:
    return replace(order, limits=replace(order.limits, disruption=order.limits.post_copy))


def _loose(order: Order) -> Order:
    return replace(order, options=replace(order.options, bandwidth=int(LOOSE * order.options.bandwidth)))


def _halved(order: Order) -> Order:
    return replace(order, options=replace(order.options, bandwidth=order.options.bandwidth // 2))


def _starved(order: Order) -> Order:
    """Each of the parallel connections is given its part of the limit, and one of them sends."""
    options = order.options
    if options.connections == 1:
        return order
    return replace(order, options=replace(options, bandwidth=options.bandwidth // options.connections, connections=1))


_MISTAKES: dict[str, Mistake] = {
    COMPLETION_TIMEOUT_IGNORED: _no_completion_timeout,
    COMPLETION_TIMEOUT_TREBLED: _late,
    PROGRESS_TIMEOUT_IGNORED: _no_progress_timeout,
    PROGRESS_TIMEOUT_IMPATIENT: _impatient,
    NEVER_PAUSED: _never_paused,
    LIMIT_LOOSE: _loose,
    LIMIT_HALVED: _halved,
    PARALLEL_STARVED: _starved,
}
