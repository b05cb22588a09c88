"""Where and how urgently what is measured runs; the tests themselves run as before."""

import os

import pytest

from benchmarks.machine import cores, may_go_before_others, on_core


def test_inside_there_is_one_core_and_outside_all_that_there_were() -> None:
    before = os.sched_getaffinity(0)
    with on_core(cores()[1]):
        assert os.sched_getaffinity(0) == {cores()[1]}
    assert os.sched_getaffinity(0) == before


@pytest.mark.skipif(not may_go_before_others(), reason="needs the right to go before others")
def test_it_goes_before_others_only_where_it_is_told_to_and_only_inside() -> None:
    before = os.sched_getscheduler(0)
    with on_core(cores()[0]):
        assert os.sched_getscheduler(0) == before
    with on_core(cores()[0], before_others=True):
        assert os.sched_getscheduler(0) == os.SCHED_FIFO
    assert os.sched_getscheduler(0) == before


def test_who_may_not_go_before_others_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.sched_getscheduler(0)

    def refuse(process: int, policy: int, parameter: os.sched_param) -> None:
        if policy != before:
            raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with on_core(cores()[0], before_others=True):
        assert os.sched_getscheduler(0) == before
    assert not may_go_before_others()
