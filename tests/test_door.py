"""The door to heavy work: few at once, fair, once for all, given up when nobody looks, and bounded in bytes."""

import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest

from app import door
from app.door import Door, Work
from app.held import OWN
from core import UserError


def counting(n: int, seconds: float, done: list[str], name: str) -> Callable[[], Iterator[float | int]]:
    def steps() -> Iterator[float | int]:
        for k in range(n):
            time.sleep(seconds)
            yield k
        done.append(name)

    return steps


def test_work_goes_on_while_somebody_looks_and_rests_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "PATIENCE", 0.05)
    work: Work[int] = Door(1).enter("work", counting(20, 0.03, [], ""))
    work.look()
    time.sleep(0.6)
    reached = len(work.found)
    assert reached < 10
    time.sleep(0.3)
    assert len(work.found) == reached
    assert not work.done
    monkeypatch.setattr(door, "PATIENCE", 2.0)
    assert work.finish() == list(range(20))
    assert work.done


def test_the_same_request_is_computed_once_for_all_who_ask() -> None:
    done: list[str] = []
    one = Door(2)
    works: list[Work[int]] = [one.enter("same", counting(3, 0.01, done, "same"), visitor) for visitor in "abc"]
    assert [work.finish() for work in works] == [[0, 1, 2]] * 3
    assert done == ["same"]
    assert one.enter("same", counting(3, 0.01, done, "again"), "d").finish() == [0, 1, 2]
    assert done == ["same"]


def test_a_visitor_with_much_work_does_not_keep_another_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "SLICE", 0.05)
    done: list[str] = []
    one = Door(1)
    greedy: list[Work[int]] = [one.enter(k, counting(20, 0.01, done, f"greedy {k}"), "greedy") for k in range(5)]
    for work in greedy:
        work.look()
    modest: Work[int] = one.enter("modest", counting(10, 0.01, done, "modest"), "modest")
    modest.finish()
    for work in greedy:
        work.finish()
    assert done.index("modest") <= 1  # at most one of five, begun before, is done before it
    assert sorted(done) == ["greedy 0", "greedy 1", "greedy 2", "greedy 3", "greedy 4", "modest"]


def test_no_more_are_at_work_than_there_are_places() -> None:
    working, most = [0], [0]

    def steps() -> Iterator[float | int]:
        for _ in range(5):
            working[0] += 1
            most[0] = max(most[0], working[0])
            time.sleep(0.01)
            working[0] -= 1
            yield 0.5

    one = Door(2)
    works: list[Work[int]] = [one.enter(k, steps, str(k)) for k in range(6)]
    for work in works:
        work.look()
    for work in works:
        work.finish()
    assert most[0] == 2


def test_who_waits_knows_how_many_come_first() -> None:
    go = Event()

    def steps() -> Iterator[float | int]:
        go.wait()
        yield 1

    one = Door(1)
    works: list[Work[Any]] = [one.enter(k, steps, visitor) for k, visitor in enumerate("aabbc")]
    works[0].look()
    while one.ahead(works[0]) or not one._working:
        time.sleep(0.01)
    for work in works[1:]:
        work.look()
    # a is at work, so its second comes after the first of each other visitor
    assert [one.ahead(work) for work in works] == [0, 2, 0, 3, 0]  # a has had a turn, b and c have not
    go.set()
    for work in works:
        work.finish()


def test_what_waits_and_is_not_wanted_any_more_is_never_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "PATIENCE", 0.1)
    done: list[str] = []
    one = Door(1)
    hog: Work[int] = one.enter("hog", counting(60, 0.01, done, "hog"), "a")
    gone: Work[int] = one.enter("gone", counting(1, 0.01, done, "gone"), "b")
    monkeypatch.setattr(door, "SLICE", 10.0)
    gone.look()
    hog.look()
    hog.finish()
    time.sleep(0.2)
    assert done in (["hog"], ["gone", "hog"])  # it may have been first in line
    assert one.ahead(gone) == 0


def test_results_are_kept_while_there_is_room_in_bytes_the_last_asked_for_longest() -> None:
    one = Door(1, room=2 * (400 + OWN))

    def steps() -> Iterator[float | np.ndarray]:
        yield np.zeros(400, np.uint8)

    first: Work[np.ndarray] = one.enter("first", steps)
    first.finish()
    for k in range(20):
        one.enter(k, steps).finish()
        assert one.enter("first", steps) is first
    assert len(one.held) == 2


@pytest.mark.parametrize(
    ("problem", "said"), [(UserError("No more."), "No more."), (ValueError("?"), "the server's log")]
)
def test_what_goes_wrong_is_one_sentence(problem: Exception, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "GRACE", 0.0)

    def steps() -> Iterator[float | int]:
        yield 1
        raise problem

    one = Door(1)
    work: Work[int] = one.enter("work", steps)
    assert work.finish() == [1]
    assert said in work.problem
    assert one.enter("work", counting(1, 0, [], "")) is work
    one.drop("work")
    assert one.enter("work", counting(1, 0, [], "")).finish() == [0]
    assert one.enter("other", counting(1, 0, [], "")).finish() == [0]


def test_idle_threads_end_and_work_begins_anew_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "IDLE", 0.05)
    one = Door(1)
    assert one.enter("one", counting(1, 0, [], "")).finish() == [0]
    until = time.monotonic() + 60
    while one._threads and time.monotonic() < until:
        time.sleep(0.02)
    assert not one._threads
    assert one.enter("two", counting(1, 0, [], "")).finish() == [0]


def test_visitors_who_come_and_go_at_once_get_what_they_asked_for() -> None:
    one, answers = Door(2), dict[int, list[int]]()

    def visit(k: int) -> None:
        answers[k] = one.enter(k % 7, lambda: iter([k % 7]), str(k)).finish()

    threads = [Thread(target=visit, args=(k,)) for k in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == {k: [k % 7] for k in range(60)}


def test_a_visitor_has_as_many_places_as_each_may_have() -> None:
    go, begun = Event(), list[str]()

    def steps(name: str) -> Iterator[float | int]:
        begun.append(name)
        go.wait(30)
        yield 1

    one = Door(2, each=1)
    works: list[Work[int]] = [one.enter(name, partial(steps, name), name[0]) for name in ("a1", "a2", "b1")]
    works[0].look()
    works[1].look()
    time.sleep(0.3)
    assert begun == ["a1"]
    works[2].look()
    until = time.monotonic() + 5
    while len(begun) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert begun == ["a1", "b1"]
    go.set()
    for work in works:
        work.finish()
    assert begun == ["a1", "b1", "a2"]


def test_what_a_visitor_left_before_its_turn_is_let_go_with_what_it_was_to_be_made_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(door, "PATIENCE", 0.1)
    one, hog = Door(1), Event()
    file = np.zeros(1_000_000)
    known = weakref.ref(file)

    def steps(file: np.ndarray | None) -> Iterator[float | int]:
        hog.wait(0.3)
        yield 1

    one.enter("hog", partial(steps, None), "a").look()
    one.enter("left", partial(steps, file), "b").look()
    del file
    time.sleep(0.5)
    one.enter("next", counting(1, 0, [], ""), "c").finish()
    assert one.held.get("left") is None
    assert known() is None


def test_what_it_was_made_from_is_let_go_when_it_is_done() -> None:
    file = np.zeros(1_000_000)
    known, one = weakref.ref(file), Door(1)

    def steps(file: np.ndarray) -> Iterator[float | int]:
        yield len(file)

    work: Work[int] = one.enter("work", partial(steps, file))
    assert work.finish() == [1_000_000]
    del file
    assert known() is None


def test_memory_under_way_is_bounded_and_who_rests_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two large pieces never lie half done side by side, a small one goes on beside a large one, and a rested one begins anew."""
    monkeypatch.setattr(door, "UNDER_WAY", 100)
    monkeypatch.setattr(door, "WEIGHT", 10)
    monkeypatch.setattr(door, "SLICE", 0.02)
    alive, most = [0], [0]

    def steps(weight: int) -> Iterator[float | int]:
        alive[0] += weight
        most[0] = max(most[0], alive[0])
        try:
            for k in range(20):
                time.sleep(0.005)
                yield k
        finally:
            alive[0] -= weight

    one = Door(2)
    sizes = {"large": 80, "other": 80, "small": 10, "tiny": 5}
    works: list[Work[int]] = [one.enter(k, partial(steps, n), k, n) for k, n in sizes.items()]
    for work in works:
        work.look()
    for work in works:
        assert work.finish() == list(range(20))
    assert most[0] <= 100
    monkeypatch.setattr(door, "PATIENCE", 0.1)
    left: Work[int] = one.enter("left", partial(steps, 80), "a", 80)
    left.look()
    time.sleep(0.3)
    assert left.begun
    assert not left.done
    one.enter("large again", partial(steps, 80), "b", 80).finish()
    assert most[0] <= 100
    assert not left.begun
    assert left.finish() == list(range(20))
    assert alive == [0]


def test_small_work_is_let_in_beside_work_that_is_too_large_for_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "UNDER_WAY", 100)
    monkeypatch.setattr(door, "WEIGHT", 10)
    monkeypatch.setattr(door, "SLICE", 0.02)
    done: list[str] = []
    one = Door(1)
    huge: Work[int] = one.enter("huge", counting(60, 0.01, done, "huge"), "a", 1000)
    huge.look()
    time.sleep(0.1)
    large: Work[int] = one.enter("large", counting(2, 0.01, done, "large"), "b", 60)
    large.look()
    one.enter("small", counting(2, 0.01, done, "small"), "c", 10).finish()
    assert done == ["small"]
    large.finish()
    assert done == ["small", "huge", "large"]


def test_a_process_that_ends_lets_the_step_under_way_end() -> None:
    code = """
import time
from threading import Event
from app.door import Door
begun = Event()
def steps():
    begun.set()
    time.sleep(0.5)
    print("the step has ended", flush=True)
    yield 1
Door(1).enter("work", steps).look()
begun.wait()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "the step has ended"
    assert not done.stderr


def test_the_log_says_which_session_waits_for_what_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "noisescope")
    doors = Door(1)
    brought = b"a picture", "holiday.png"
    begun, go = Event(), Event()

    def first() -> Iterator[float | int]:
        begun.set()
        assert go.wait(5)
        yield 1

    one: Work[int] = doors.enter(("attacked", *brought), first, "session 1")
    one.look()
    assert begun.wait(5)
    two: Work[int] = doors.enter(("pushed", *brought), counting(1, 0, [], ""), "session 2")
    three: Work[int] = doors.enter("voted", counting(1, 0, [], ""), "session 2")
    for work in (two, three):
        work.look()
    go.set()
    for work in (one, two, three):
        work.finish()
    until = time.monotonic() + 60  # the last is told after it is done
    while len(caplog.records) < 6 and time.monotonic() < until:
        time.sleep(0.01)
    said = [record.getMessage() for record in caplog.records]
    assert "session 1 waits for 'attacked', turns before it: 0" in said
    assert "session 2 waits for 'voted', turns before it: 1" in said
    assert any(line.startswith("session 2 has 'pushed' after 0.") for line in said)
    assert len(said) == 6
    assert not any("picture" in line or "holiday" in line for line in said)
