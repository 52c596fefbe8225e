"""A run around functions of every kind: who is in it, and when it ends; nothing is shipped."""

from __future__ import annotations

import asyncio
import inspect
import weakref

import pytest

import runlog
from runlog._recorder import open_runs, registry
from runlog._run.use import Use


@pytest.fixture(autouse=True)
def recorder(monkeypatch, tmp_path):
    """An active recorder whose database answers nobody; its spool is the test's."""
    registry.configure(dsn="host=127.0.0.1 port=1", spool_dir=str(tmp_path / "spool"))
    yield
    # There is nothing to wait for.
    registry.reset(0.001)


@pytest.fixture
def runs(monkeypatch):
    """Every RunContext that was started in this test."""
    started = []
    begin = Use.begin

    def noted(use, context, *, is_block):
        started.append(use)
        return begin(use, context, is_block=is_block)

    monkeypatch.setattr(Use, "begin", noted)
    return started


def name():
    """The run bound here; ``current_run`` falls back to the only open one of the process."""
    run = open_runs.run_variable.get()
    return run and run.script_name


def test_a_function(runs):
    """The run is around the call; value, name, docstring and signature are the function's."""

    @runlog.RunContext("plain")
    def double(value, *, by=2):
        """Double it."""
        return value * by, name()

    assert double(4) == (8, "plain")
    assert name() is None
    assert (double.__name__, double.__doc__) == ("double", "Double it.")
    assert str(inspect.signature(double)) == "(value, *, by=2)"


def test_each_call_is_a_run(runs):
    """Ids differ, and a call inside a call is a run inside a run of the same batch."""

    @runlog.RunContext("recursive")
    def countdown(value):
        return value and countdown(value - 1)

    countdown(2)
    assert len({run.state.id_text for run in runs}) == 3
    assert len({run.state.get("batch_id") for run in runs}) == 1
    assert [run.ending.status for run in runs] == ["success"] * 3


def test_an_exception_ends_the_run_and_goes_on(runs):
    """The caller sees the very exception; the run says what it was."""

    @runlog.RunContext("failing")
    def fail():
        raise ValueError("text")

    with pytest.raises(ValueError, match="text"):
        fail()
    assert runs[0].ending.error_message == "ValueError: text"


def test_a_coroutine(runs):
    """The run lasts until the coroutine has returned, over awaits."""

    @runlog.RunContext("async")
    async def work():
        before = name()
        await asyncio.sleep(0)
        return before, name()

    async def main():
        return await work(), name()

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(main()) == (("async", "async"), None)
    assert runs[0].ending.outcome == "finished"


def test_coroutines_side_by_side(runs):
    """Two tasks of the same function are two runs, and each sees its own."""

    @runlog.RunContext("task")
    async def work():
        before = runlog.current_run().id
        await asyncio.sleep(0)
        return before == runlog.current_run().id, before

    async def main():
        return await asyncio.gather(work(), work())

    (first_is_own, first), (second_is_own, second) = asyncio.run(main())
    assert first_is_own
    assert second_is_own
    assert first != second


def test_the_consumer_of_a_generator_is_outside(runs):
    """Between two items neither the run nor the step of the generator is in force."""

    @runlog.RunContext("generator")
    def items():
        with runlog.step("FETCH"):
            yield name()
            yield name()
        return "done"

    seen = []

    def consume():
        seen.append((yield from items()))

    assert inspect.isgeneratorfunction(items)
    seen[:0] = [(inside, name(), open_runs.step_variable.get()) for inside in consume()]
    assert seen == [("generator", None, None), ("generator", None, None), "done"]
    assert runs[0].ending.outcome == "finished"


def test_a_run_of_the_consumer_stays(runs):
    """A consumer with a run of its own keeps it between the items, and has it back at the end."""

    @runlog.RunContext("inner")
    def items():
        yield name()

    with runlog.RunContext("outer"):
        generator = items()
        assert [next(generator), name(), next(generator, "end"), name()] == [
            "inner",
            "outer",
            "end",
            "outer",
        ]


def test_generators_side_by_side(runs):
    """Interleaved, each is in its own run, in whatever order they end."""

    @runlog.RunContext("zipped")
    def items(count):
        for _ in range(count):
            yield runlog.current_run().id

    pairs = list(zip(items(2), items(3), strict=False))
    assert len(set(pairs)) == 1
    assert pairs[0][0] != pairs[0][1]
    assert name() is None


def test_send_throw_and_close_reach_the_generator(runs):
    """The decorated generator answers as the bare one does."""

    @runlog.RunContext("talking")
    def echo():
        heard = None
        while True:
            try:
                heard = yield heard
            except KeyError:
                heard = "caught"

    generator = echo()
    assert next(generator) is None
    assert generator.send(1) == 1
    assert generator.throw(KeyError("x")) == "caught"
    assert runs[0].ending is None
    generator.close()
    assert runs[0].ending.status == "success"


def test_an_exception_thrown_in_fails_the_run(runs):
    """One that the generator does not catch ends its run and comes back to the consumer."""

    @runlog.RunContext("thrown")
    def items():
        yield 1

    generator = items()
    next(generator)
    with pytest.raises(ValueError, match="text"):
        generator.throw(ValueError("text"))
    assert runs[0].ending.error_message == "ValueError: text"


def test_a_generator_that_ignores_its_close_is_told_so(runs):
    """As Python tells the bare generator."""

    @runlog.RunContext("stubborn")
    def items():
        try:
            yield 1
        except GeneratorExit:
            yield 2

    generator = items()
    next(generator)
    with pytest.raises(RuntimeError, match="generator ignored GeneratorExit"):
        generator.close()
    assert runs[0].ending is None
    generator.close()
    assert runs[0].ending.status == "success"


def test_an_item_is_not_kept(runs):
    """While the consumer works, the item is its alone: a large one can be freed."""

    class Item:
        pass

    @runlog.RunContext("large")
    def items():
        yield Item()
        yield Item()

    generator = items()
    item = weakref.ref(next(generator))
    assert item() is None
    generator.close()


def test_a_generator_never_begun_is_no_run(runs):
    """The run begins with the first item that is asked for."""

    @runlog.RunContext("unused")
    def items():
        yield 1

    items().close()
    assert runs == []


def test_an_async_generator(runs):
    """Between two items its consumer is outside; its end and its close end the run."""

    @runlog.RunContext("stream")
    async def items(count):
        for _ in range(count):
            await asyncio.sleep(0)
            yield name()

    async def main():
        seen = [(inside, name()) async for inside in items(2)]
        left = items(2)
        await anext(left)
        await left.aclose()
        return seen

    assert inspect.isasyncgenfunction(items)
    assert asyncio.run(main()) == [("stream", None), ("stream", None)]
    assert [run.ending.status for run in runs] == ["success", "success"]


def test_a_failing_async_generator(runs):
    """Its exception ends the run and reaches the consumer; so does one thrown in."""

    @runlog.RunContext("stream")
    async def items():
        yield 1
        raise ValueError("text")

    async def main():
        with pytest.raises(ValueError, match="text"):
            [item async for item in items()]
        generator = items()
        await anext(generator)
        with pytest.raises(KeyError):
            await generator.athrow(KeyError("x"))

    asyncio.run(main())
    assert [run.ending.error_message for run in runs] == ["ValueError: text", "KeyError: 'x'"]
