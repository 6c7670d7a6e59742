"""The lab's metrics in Prometheus' own text format, as its own parser reads them."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from seatrial.lab.exposition import Family, Sample, written
from seatrial.lab.release import release_of

GAUGE = Family("kubevirt_gauge", "gauge", "A gauge.")
ODD = Family("kubevirt_odd_seconds", "counter", "A counter that lacks the ending.")
NEW = Family("kubevirt_new", "gauge", "A new one.", since="1.5", until="1.7")


def test_labels_values_and_times_are_read_as_written() -> None:
    awkward = {"name": 'a "b"\\c\nd', "namespace": "ns"}
    samples = [Sample(1.5, awkward, at=1795380756.695), Sample(2, awkward, at=1795380761.0)]
    text = written([(GAUGE, sample) for sample in samples], release_of("1.8"))
    family = next(iter(text_string_to_metric_families(text)))
    assert (family.name, family.type, family.documentation) == ("kubevirt_gauge", "gauge", "A gauge.")
    assert [sample.labels for sample in family.samples] == [awkward, awkward]
    assert [(sample.value, float(sample.timestamp or 0)) for sample in family.samples] == [
        (1.5, 1795380756.695),
        (2.0, 1795380761.0),
    ]


def test_counter_keeps_the_name_that_kubevirt_gave_it() -> None:
    text = written([(ODD, Sample(3))], release_of("1.8"))
    assert text.splitlines()[1:] == ["# TYPE kubevirt_odd_seconds counter", "kubevirt_odd_seconds 3"]


@pytest.mark.parametrize(("version", "known"), [("1.4", False), ("1.5", True), ("1.7", True), ("1.8", False)])
def test_metric_is_there_in_the_versions_that_have_it(version: str, known: bool) -> None:
    assert ("kubevirt_new" in written([(NEW, Sample(1))], release_of(version))) is known


def test_metric_without_samples_is_not_mentioned() -> None:
    assert written([], release_of("1.8")) == ""
