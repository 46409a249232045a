"""
Executors: where the batches of a sweep are folded. In this process, in a pool of processes, or on a dask cluster.

Theory of operation: a task names everything that its answer depends on, and every cell's answer is its own, so it does
not matter who folds it, how often, or in which order answers come back. What crosses to another process are plain
values: a job and a part, encoded here and in `parts`. Workers map the film from the cache by its path. A worker that
dies takes its unfinished tasks with it; they are given to the next one.
"""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import msgspec

from recorder.errors import GametapeError, UpstreamError, UsageError
from replay.backtest import sum_settings
from replay.controls import Control, controlled
from replay.core.models import WinProbability
from replay.core.strategy import Strategy
from replay.counterfactual import PollPlan
from replay.film import Film, load_film
from replay.parts import Part, decode_part, encode_part
from replay.settings import Setting

__all__ = [
    "DaskExecutor",
    "Executor",
    "PoolExecutor",
    "SerialExecutor",
    "Task",
    "check_executor",
    "choose_executor",
    "work",
]

_BIG = 30_000_000_000
"""From so much work on (some five seconds), a sweep repays the seconds that processes take to start."""

_ROW_COST = 200
"""A row costs all cells together what it costs so many of them alone."""

_DEATHS_MAX = 3
"""So many pools may break one after the other without a single part done; then it is not a worker's bad luck."""

_CLUSTER = re.compile(r"dask://([^\s:/@]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}", re.ASCII)

_AT_ONCE = 2
"""Tasks handed to each worker ahead of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Settings to fold over one film, broken by a control where one is named."""

    film: Film
    settings: Sequence[Setting]
    polls: PollPlan
    control: Control | None = None
    draw: int = 0


class Executor(Protocol):
    """Somebody who folds tasks. workers is how many tasks it folds at a time."""

    workers: int

    def fold(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Part]]:
        """Yield the number of every task and what came of it, in whatever order they finish."""
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...


class SerialExecutor:
    """Folds in this process, one task after the other."""

    workers = 1

    def __init__(self, strategy: Strategy, model: WinProbability) -> None:
        """Fold with this strategy and model."""
        self._strategy = strategy
        self._model = model

    def fold(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Part]]:
        """Yield the parts in the order of the tasks."""
        for number, task in enumerate(tasks):
            yield number, _fold(task, self._strategy, self._model)

    def close(self) -> None:
        """Nothing is held."""


class PoolExecutor:
    """Folds in processes of this machine. deaths counts how often a worker died and was replaced."""

    def __init__(self, strategy: str, model: str, workers: int) -> None:
        """Fold with the strategy and the model of these names, as `load_strategy` and `load_model` know them."""
        self.workers = workers
        self.deaths = 0
        self._names = (strategy, model)

    def fold(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Part]]:
        """
        Yield the parts as they come.

        Raises:
            GametapeError: workers die again and again.
            UsageError: a film lies in no cache.
        """
        left = {number: _job(task, *self._names) for number, task in enumerate(tasks)}
        in_vain = 0
        while left:
            before = len(left)
            try:
                with closing(self._round(left)) as done:
                    for number, part in done:
                        del left[number]
                        yield number, part
            except BrokenProcessPool:
                self.deaths += 1
                in_vain = 0 if len(left) < before else in_vain + 1
                if in_vain == _DEATHS_MAX:
                    raise GametapeError(
                        "workers die again and again",
                        why=f"{_DEATHS_MAX} pools in a row broke before a part was done: too little memory?",
                        hint="--executor serial, or fewer --workers",
                    ) from None

    def close(self) -> None:
        """Nothing is held between two folds."""

    def _round(self, jobs: dict[int, bytes]) -> Generator[tuple[int, Part], None, None]:
        """Give jobs to a fresh pool until all are done or it breaks."""
        queue = iter(list(jobs.items()))
        # A child that is forked from a process with threads may inherit a lock that nobody will ever release.
        spawning = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.workers, mp_context=spawning) as pool:
            waiting: dict[Future[bytes], int] = {}
            try:
                while True:
                    while len(waiting) < _AT_ONCE * self.workers and (job := next(queue, None)) is not None:
                        waiting[pool.submit(work, job[1])] = job[0]
                    if not waiting:
                        return
                    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                        yield waiting.pop(future), decode_part(future.result())[0]
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


class DaskExecutor:
    """Folds on a dask.distributed cluster whose workers see the same cache folder and have this program installed."""

    def __init__(self, strategy: str, model: str, address: str) -> None:
        """
        Connect to a scheduler at `host:port`.

        Raises:
            UsageError: dask.distributed is not installed.
            UpstreamError: nobody answers, or there is no worker.
        """
        try:
            from distributed import Client
        except ModuleNotFoundError as error:
            raise UsageError("dask.distributed is not installed", hint="pip install -e '.[dist]'") from error
        try:
            connect: Any = Client
            self._client: Any = connect(f"tcp://{address}", timeout="5s", set_as_default=False)
        except OSError as error:
            raise UpstreamError(
                f"no dask scheduler answers at {address}", why=str(error), hint="dask scheduler --port 8786"
            ) from error
        self._names = (strategy, model)
        try:
            self._client.wait_for_workers(1, timeout=10)
        except TimeoutError as error:
            self.close()
            raise UpstreamError(
                f"the scheduler at {address} has no worker", hint=f"dask worker tcp://{address} --nthreads 1"
            ) from error
        self.workers = sum(self._client.nthreads().values())

    def fold(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Part]]:
        """Yield the parts as they come; the scheduler gives the tasks of a worker that dies to another."""
        from distributed import as_completed

        # Not pure: the scheduler must not answer with what another version of the program left behind.
        futures = {
            self._client.submit(work, _job(task, *self._names), pure=False): number for number, task in enumerate(tasks)
        }
        finished: Any = as_completed
        for future in finished(futures, loop=self._client.loop):
            yield futures[future], decode_part(future.result())[0]

    def close(self) -> None:
        """Disconnect."""
        self._client.close()


def check_executor(kind: str) -> None:
    """Raise UsageError where nobody of this name folds; asks no cluster."""
    if kind not in {"local", "serial"} and not _CLUSTER.fullmatch(kind):
        hint = "--executor local, --executor serial or --executor dask://host:port"
        raise UsageError(f"there is no executor {kind!r}", hint=hint)


def choose_executor(
    kind: str,
    *,
    names: tuple[str, str],
    ideas: tuple[Strategy, WinProbability],
    workers: int | None,
    rows: int,
    cells: int,
) -> Executor:
    """
    Return the executor for `local`, `serial` or `dask://host:port`.

    names are those of strategy and model, ideas the two themselves. local means processes where there is work for them
    (rows of all films, cells of the grid) or where workers were asked for, else this process.

    Raises:
        UsageError: none of the three.
        UpstreamError: the cluster does not answer.
    """
    check_executor(kind)
    if kind.startswith("dask://"):
        return DaskExecutor(*names, kind.removeprefix("dask://"))
    if kind == "local":
        wanted = workers or (os.cpu_count() or 1)
        if wanted > 1 and (workers is not None or rows * (_ROW_COST + cells) >= _BIG):
            return PoolExecutor(*names, wanted)
    return SerialExecutor(*ideas)


class _Job(msgspec.Struct, frozen=True, kw_only=True):
    """A task for another process."""

    folder: str
    tape: str
    strategy: str
    model: str
    settings: list[Setting]
    polls: PollPlan
    control: Control | None
    draw: int


def work(job: bytes) -> bytes:
    """
    Fold a job in a process of its own and return the part, both encoded.

    Raises:
        UsageError: this process does not see the film.
    """
    asked = msgspec.json.decode(job, type=_Job)
    task = Task(
        film=_film(asked.folder, asked.tape),
        settings=asked.settings,
        polls=asked.polls,
        control=asked.control,
        draw=asked.draw,
    )
    return encode_part(_fold(task, *_ideas(asked.strategy, asked.model)))


def _job(task: Task, strategy: str, model: str) -> bytes:
    if task.film.folder is None:
        raise UsageError(f"the film of {task.film.tape} is in no cache", why="another process could not find it")
    return msgspec.json.encode(
        _Job(
            folder=str(task.film.folder.absolute()),
            tape=task.film.tape,
            strategy=_absolute(strategy),
            model=model,
            settings=list(task.settings),
            polls=task.polls,
            control=task.control,
            draw=task.draw,
        )
    )


def _fold(task: Task, strategy: Strategy, model: WinProbability) -> Part:
    film = task.film if task.control is None else controlled(task.film, task.control, task.draw)
    return sum_settings(film, strategy, model, task.settings, polls=task.polls)


def _absolute(strategy: str) -> str:
    """Return the name of a strategy such that another process finds it: a file by its whole path."""
    path, colon, attribute = strategy.rpartition(":")
    return f"{Path(path).absolute()}{colon}{attribute}" if path.endswith(".py") else strategy


@lru_cache(maxsize=4)
def _film(folder: str, tape: str) -> Film:
    try:
        return load_film(Path(folder), tape)
    except FileNotFoundError as error:
        raise UsageError(
            f"a worker does not see the film of {tape}",
            why=f"{folder} is not there",
            hint="let cache_dir be a folder that all workers share",
        ) from error


@lru_cache(maxsize=4)
def _ideas(strategy: str, model: str) -> tuple[Strategy, WinProbability]:
    from replay.find import load_strategy
    from replay.models import load_model

    return load_strategy(strategy), load_model(model)
