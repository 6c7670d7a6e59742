import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from seatrial.reports.certificate import LAB_STAMP, certificate
from seatrial.reports.html import href, to_html
from seatrial.reports.journal import parse
from seatrial.reports.render import FORMS, render
from seatrial.reports.shorten import clip
from tests.reports import sample

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{ 7*7 }}"
LARGEST = 2 * 1024 * 1024
VOID = {"meta", "link", "img", "br", "input", "hr", "line", "rect", "circle", "path"}


class Page(HTMLParser):
    """What a test wants to know of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def values(self, name: str) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get(name))]


def page(records: list[sample.Record] | None = None) -> str:
    return to_html(certificate(parse(sample.as_lines(list(sample.records()) if records is None else records))))


def test_elements_are_closed_in_order() -> None:
    assert Page(page()).open == []


def test_a_page_needs_nothing_but_itself() -> None:
    text = page()
    found = Page(text)
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in found.tags} - {"link"}
    assert [attributes["href"] for tag, attributes in found.tags if tag == "link"] == ["data:,"]
    assert not [value for value in found.values("href") + found.values("src") if "//" in value]
    assert "@import" not in text
    assert "url(" not in text


def test_ids_are_unique_and_links_within_the_page_lead_somewhere() -> None:
    found = Page(page())
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in found.values("href") if value.startswith("#")} <= set(ids)


def test_every_picture_has_words() -> None:
    pictures = [attributes for tag, attributes in Page(page()).tags if tag == "svg"]
    assert pictures
    assert all(item.get("aria-label") or item.get("aria-hidden") for item in pictures)


def test_the_verdict_comes_first() -> None:
    text = page()
    body = text[text.index("<body") :]
    order = [body.index(f'id="{name}"') for name in ("findings", "untested", "requirements", "environment", "evidence")]
    assert body.index("Not certified") < order[0]
    assert order == sorted(order)


def test_a_labs_page_is_stamped_where_nobody_can_overlook_it() -> None:
    text = page()
    assert text.count(LAB_STAMP) >= 5
    assert LAB_STAMP in re.findall("<title>(.*)</title>", text)[0]


def test_a_clusters_page_is_not_stamped() -> None:
    assert LAB_STAMP not in page([sample.run(), sample.environment(lab=False)])


def hostile() -> list[sample.Record]:
    result = sample.result(
        1,
        "failed",
        test=f"a.py::{HOSTILE}",
        message=HOSTILE,
        details=HOSTILE,
        expected=HOSTILE,
        observed=HOSTILE,
        evidence="javascript:alert(1)",
        notes=[HOSTILE],
        measurements=[{"name": HOSTILE, "value": value, "unit": HOSTILE} for value in (1, 2)],
        timeline=[{"t": 1, "source": f"Pod{HOSTILE}", "text": f"{HOSTILE} phase Running"}],
        tables=[
            {"title": HOSTILE, "row": {HOSTILE: HOSTILE, "a": a, "b": a, "expected": HOSTILE, "observed": HOSTILE}}
            for a in (1, 2)
        ],
        charts=[
            {
                "title": HOSTILE,
                "unit": HOSTILE,
                "lines": [{"name": HOSTILE, "points": [[0, 1]]}],
                "spans": [{"name": HOSTILE, "from": 0, "to": 1}],
            }
        ],
    )
    requirement = sample.requirement(1, title=HOSTILE, statement=HOSTILE, source=HOSTILE, remedy=HOSTILE)
    environment = sample.environment()
    environment["nodes"][0]["name"] = environment["kubevirt"] = environment["featureGates"][0] = HOSTILE
    environment["capabilities"][HOSTILE] = {"available": True, "detail": HOSTILE}
    problem = {"type": "problem", "severity": "inconclusive", "message": HOSTILE, "remedy": HOSTILE}
    violation = {"type": "violation", "check": HOSTILE, "message": HOSTILE, "test": HOSTILE, "evidence": "/etc/passwd"}
    run = sample.run(id=HOSTILE, profile="", command=[HOSTILE], seatrial=HOSTILE)
    return [run, environment, requirement, sample.requirement(2, id=HOSTILE), result, problem, violation]


def test_hostile_text_stays_text() -> None:
    text = page(hostile())
    found = Page(text)
    assert not {"script", "img"} & {tag for tag, _ in found.tags}
    assert not found.values("onerror")
    assert not [value for value in found.values("href") if value.startswith(("javascript:", "/"))]
    assert found.open == []
    assert "{{ 7*7 }}" in text


def test_secrets_are_not_shown() -> None:
    secret = "Bearer abcdef0123456789"
    assert "abcdef0123456789" not in page([sample.requirement(1), sample.result(1, "failed", details=secret)])


def test_long_lines_and_long_tables_fit_into_two_megabytes() -> None:
    line = {"name": "p99", "points": [[t / 100, t * 7919 % 1000] for t in range(100_000)]}
    chart = {"title": "Latency", "unit": "ms", "lines": [line, line], "spans": []}
    rows = [{"title": "Rows", "row": {"number": number, "square": number**2}} for number in range(5_000)]
    result = sample.result(1, charts=[chart, chart], tables=rows)
    text = page([sample.run(), sample.environment(), sample.requirement(1), result])
    assert len(text.encode()) < LARGEST
    assert "4500 more rows in certificate.json" in text


def test_500_failed_checks_fit_into_two_megabytes() -> None:
    results = [
        sample.result(
            number,
            "failed",
            details="a traceback\n" * 500,
            message="m" * 1_000,
            evidence="evidence/a",
            timeline=sample.timeline(),
            measurements=sample.measurements(number),
        )
        for number in range(1, 501)
    ]
    requirements = [sample.requirement(number) for number in range(1, 501)]
    text = page([sample.run(), sample.environment(), *requirements, *results])
    assert len(text.encode()) < LARGEST


def test_a_run_rendered_again_is_the_same(tmp_path: Path) -> None:
    sample.write(tmp_path)
    render(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in FORMS}
    render(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in FORMS} == before
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("evidence/a b/vmi.yaml", "evidence/a%20b/vmi.yaml"),
        ("evidence/test[rwx]", "evidence/test%5Brwx%5D"),
        ("../secret", ""),
        ("evidence/../../secret", ""),
        ("/etc/passwd", ""),
        ("javascript:alert(1)", ""),
        ("//example.org/x", ""),
        ("", ""),
    ],
)
def test_only_files_beside_the_page_are_linked(path: str, link: str) -> None:
    assert href(path) == link


def test_rows_of_any_table_lead_to_the_stories_of_their_tests() -> None:
    row = sample.result(1, tables=[{"title": "T", "row": {"what": "a row"}}], evidence="evidence/t1")
    assert '<a href="evidence/t1/story.txt">a row</a>' in page([sample.environment(), row])


def test_a_long_text_loses_its_middle() -> None:
    text = clip("a" * 500 + "the end", 90)
    assert text.startswith("a" * 30)
    assert text.endswith("the end")
    assert "417 characters left out" in text
