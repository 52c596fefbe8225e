"""Each use of a RunContext is a run of its own; what holds one can be copied and pickled."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import pickle
import threading

import pytest

import runlog
from runlog.errors import OverlapError
from runlog.testing import capture

INVALID = "ValueError: invalid literal for int() with base 10: 'text'"


def ends(captured):
    return [(run.script_name, run.status, run.records_fetched) for run in captured.runs]


def test_a_second_block_is_a_second_run():
    """A retry around one instance: an error, then a success, each with its own counts."""
    with capture() as captured:
        job = runlog.RunContext("nightly", metadata={"a": 1})
        for attempt in range(2):
            with contextlib.suppress(OSError), job as run:
                run.count(fetched=5)
                run.metadata["attempt"] = attempt
                if attempt == 0:
                    raise OSError("network")
        assert ends(captured) == [("nightly", "error", 5), ("nightly", "success", 5)]
        assert [run.metadata["attempt"] for run in captured.runs] == [0, 1]
        assert captured.runs[1].metadata["a"] == 1
        assert [entry.step for entry in captured.entries] == ["START", "ERROR", "START", "END"]


def test_start_after_finish_is_another_run():
    """With another id, known at once."""
    with capture() as captured:
        job = runlog.RunContext("job")
        ids = []
        for _ in range(2):
            job.start()
            ids.append(job.id)
            job.count(fetched=1)
            job.finish()
            job.finish(ValueError("too late"))
        assert [run.id for run in captured.runs] == ids
        assert ends(captured) == [("job", "success", 1)] * 2


def test_start_of_an_open_run_changes_nothing():
    """One row, one START."""
    with capture() as captured:
        job = runlog.RunContext("job").start()
        assert job.start() is job
        job.finish()
        assert [entry.step for entry in captured.entries] == ["START", "END"]


def test_two_threads_in_one_instance():
    """Two runs, each of which ends as its own block does."""
    job = runlog.RunContext("job")
    both_inside = threading.Barrier(2)

    def work(number):
        with contextlib.suppress(ValueError), job as run:
            both_inside.wait(10)
            run.count(fetched=number)
            if number == 2:
                raise ValueError
            both_inside.wait(10)

    def fail(number):
        with contextlib.suppress(threading.BrokenBarrierError, ValueError), job as run:
            both_inside.wait(10)
            run.count(fetched=number)
            both_inside.wait(10)
            raise ValueError

    with capture() as captured:
        threads = [threading.Thread(target=work, args=[1]), threading.Thread(target=fail, args=[2])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(ends(captured)) == [("job", "error", 2), ("job", "success", 1)]


def test_two_tasks_in_one_instance():
    """``async with`` again, and at the same time."""
    job = runlog.RunContext("job")

    async def work(number, others):
        async with job as run:
            assert runlog.current_run() is run
            run.count(fetched=number)
            await others.wait()

    async def main():
        others = asyncio.Barrier(2)
        await asyncio.gather(work(1, others), work(2, others))
        await work(3, asyncio.Barrier(1))

    with capture() as captured:
        asyncio.run(main())
        assert sorted(ends(captured)) == [("job", "success", number) for number in (1, 2, 3)]


def test_a_block_inside_of_itself():
    """Recursion: the inner one ends first."""
    job = runlog.RunContext("job")

    def down(depth):
        with job as run:
            run.count(fetched=depth)
            if depth:
                down(depth - 1)
            assert runlog.current_run() is run

    with capture() as captured:
        down(2)
        assert ends(captured) == [("job", "success", depth) for depth in (2, 1, 0)]
        assert [run.id for run in sorted(captured.runs, key=lambda run: run.finished_at)] == [
            run.id for run in reversed(captured.runs)
        ]


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda run: pickle.loads(pickle.dumps(run))]
)
def test_a_copy_is_another_run_not_started(again):
    """Whatever the original is doing: the same settings, another id, no end of the original."""
    with capture() as captured:
        with runlog.RunContext("job", sync_mode="full", metadata={"a": [1]}) as run:
            other = again(run)
            assert other.id != run.id
            with other:
                other.count(fetched=1)
        assert sorted(ends(captured), key=str) == [("job", "success", 1), ("job", "success", None)]
        assert [made.sync_mode for made in captured.runs] == ["full", "full"]
        assert [made.metadata["a"] for made in captured.runs] == [[1], [1]]


def test_what_a_subclass_adds_travels():
    """Its own attributes are copied, its constructor is not called again."""
    run = Job("job", 7)
    assert pickle.loads(pickle.dumps(run)).number == 7
    assert copy.copy(run).number == 7


class Job(runlog.RunContext):
    def __init__(self, name, number):
        super().__init__(name)
        self.number = number


def test_attributes_set_before_the_first_use_hold_for_all_calls():
    """A decorator of an instance that was given something."""
    job = runlog.RunContext("job")
    job.sync_mode = "full"
    job.metadata["a"] = 1

    @job
    def work():
        return runlog.current_run().sync_mode

    with capture() as captured:
        assert [work(), work()] == ["full", "full"]
        assert [run.metadata["a"] for run in captured.runs] == [1, 1]


def test_fail_makes_an_error_of_a_good_end():
    """The block goes on, and its figures count; the first word is the row's."""
    with capture() as captured:
        with runlog.RunContext("job") as run:
            run.fail("12 % of the records failed")
            run.fail("too late")
            run.count(fetched=5)
        assert ends(captured) == [("job", "error", 5)]
        assert captured.run.error_message == "12 % of the records failed"
        assert captured.run.outcome == "failed"
        assert [entry.step for entry in captured.entries] == ["START", "ERROR"]


def test_fail_with_an_exception_that_was_handled():
    """Its text and its stack are the run's; one that leaves the block says more."""
    with capture() as captured:
        run = runlog.RunContext("job").start()
        try:
            int("text")
        except ValueError as error:
            run.fail(error)
        run.finish()
        with contextlib.suppress(KeyError), runlog.RunContext("other") as run:
            run.fail("before")
            raise KeyError("x")
        assert [run.error_message for run in captured.runs] == [INVALID, "KeyError: 'x'"]
        assert 'int("text")' in captured.entries[1].meta["stack"]


def test_a_run_of_the_installed_name_is_that_run():
    """One execution, one row: settings, counts and metadata are the installed run's."""
    with capture() as captured:
        installed = runlog.install("nightly")
        with runlog.RunContext("nightly", sync_mode="full", metadata={"a": 1}) as run:
            assert run.id == installed.id
            run.count(fetched=3)
        with runlog.RunContext("other"):
            pass
        installed.finish()
        assert ends(captured) == [("nightly", "success", 3), ("other", "success", None)]
        assert captured.runs[0].sync_mode == "full"
        assert captured.runs[0].metadata["a"] == 1
        steps = [entry.step for entry in captured.entries if entry.run_id == run.id]
        assert steps == ["START", "END"]


def test_a_block_that_fails_fails_the_installed_run():
    """Also when the script handles the exception; what comes after is a run of its own."""
    with capture() as captured:
        runlog.install("nightly")
        for _ in range(2):
            with contextlib.suppress(ValueError), runlog.RunContext("nightly"):
                raise ValueError("text")
        assert ends(captured) == [("nightly", "error", None)] * 2


@pytest.mark.parametrize("overlap", ["skip", "wait", "fail"])
def test_overlap_inside_a_run_of_its_name_is_an_error_always(overlap):
    """It would wait for itself, or skip itself; whatever has been delivered."""
    with capture():
        with (
            runlog.RunContext("nightly"),
            runlog.RunContext("step"),
            pytest.raises(OverlapError, match="give overlap to the outer one"),
            runlog.RunContext("nightly", overlap=overlap),
        ):
            pass
        runlog.install("nightly")
        with (
            pytest.raises(OverlapError, match=r"runlog.install\('nightly', overlap=…\)"),
            runlog.RunContext("nightly", overlap=overlap),
        ):
            pass


def test_a_run_that_was_not_let_begin_can_be_tried_again():
    """Its instance is not used up."""
    with capture() as captured:
        job = runlog.RunContext("nightly", overlap="fail")
        with runlog.RunContext("nightly"), pytest.raises(OverlapError):
            job.start()
        job.start()
        job.finish()
        assert ends(captured) == [("nightly", "success", None)] * 2
