from trio_orchestrator.histogram import Histogram


def test_a_value_belongs_to_the_first_class_whose_bound_it_does_not_exceed() -> None:
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.0, 0.1, 0.11, 1.0, 1.01, 50.0):
        histogram.observe(seconds)
    statistics = histogram.statistics()
    assert statistics.bounds == (0.1, 1.0)
    assert statistics.counts == (2, 2, 2)
    assert statistics.total == 52.22


def test_statistics_are_of_one_instant() -> None:
    histogram = Histogram((1.0,))
    before = histogram.statistics()
    histogram.observe(0.5)
    assert before.counts == (0, 0)
