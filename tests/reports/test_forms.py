"""What holds for a certificate in each of its forms."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from seatrial.reports.certificate import LAB_STAMP, Certificate, certificate, certificate_of
from seatrial.reports.journal import parse
from seatrial.reports.model import Journal
from seatrial.reports.render import FORMS, render
from seatrial.reports.text import summary
from seatrial.reports.verdict import Verdict
from tests.reports import sample
from tests.reports.test_html import HOSTILE, LARGEST, Page

Form = Callable[[Certificate], str]

EVERY: dict[str, Form] = {**FORMS, "summary": lambda found: summary(found, Path("seatrial-report"))}
READ: dict[str, Callable[[str], object]] = {
    "certificate.json": json.loads,
    "certificate.html": Page,
    "junit.xml": fromstring,
}
HUMAN = ("certificate.html", "junit.xml", "summary")
CERTIFIES = (Verdict.CERTIFIED, Verdict.WITH_CONDITIONS)


def written(found: Certificate) -> dict[str, str]:
    """Every form of a certificate, each of which can be read by what is meant to read it."""
    texts = {name: form(found) for name, form in EVERY.items()}
    for name, reader in READ.items():
        reader(texts[name])
    for text in texts.values():
        text.encode("utf-8")
    return texts


def of(*records: sample.Record) -> Certificate:
    return certificate(parse(sample.as_lines(list(records))))


def held() -> list[sample.Record]:
    """A run in which everything held, with a record of each type and texts beyond ASCII."""
    return [
        sample.run(),
        {**sample.environment(), "nodes": [], "capabilities": {}},
        sample.requirement(1, title="Über alles — “quoted”"),
        {"type": "test-start", "t": 1.0, "test": sample.result(1)["test"], "requirements": ["TUT-01"]},
        sample.result(1, timeline=sample.timeline()[:2], measurements=sample.measurements(1), notes=["listed"]),
        {"type": "run-end", "t": 2.0, "exitstatus": 0, "interrupted": False, "duration": 2.0},
    ]


def cuts(data: bytes) -> Iterator[tuple[int, Journal]]:
    """Every journal that is left when the data end at any byte; equal ones once."""
    seen: set[Journal] = set()
    for size in range(len(data)):
        journal = parse(data[:size])
        if journal not in seen:
            seen.add(journal)
            yield size, journal


def test_a_journal_cut_off_at_any_byte_has_every_form_and_certifies_nothing() -> None:
    data = sample.as_lines(held())
    assert certificate(parse(data)).conclusion.verdict in CERTIFIES
    whole = len(data) - len(b"\n")
    sizes = []
    for size, journal in cuts(data[:whole]):
        found = certificate(journal)
        assert found.conclusion.verdict is Verdict.INCONCLUSIVE, size
        assert "inconclusive" in written(found)["summary"].lower()
        sizes.append(size)
    assert len(sizes) > len(held())


def test_a_failure_is_not_forgotten_when_the_journal_is_cut_off_behind_it() -> None:
    records = [*held()[:-1], sample.result(1, "failed", test="t.py::another")]
    found = certificate(parse(sample.as_lines(records) + b'{"type": "te'))
    assert found.conclusion.verdict is Verdict.NOT_CERTIFIED
    assert not found.valid_until


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n\n",
        b"\x00" * 4096,
        b"\xff\xfe\x80garbage\n" * 3,
        b"<html>not a journal</html>\n",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'"text"\n1\nnull\ntrue\n[]\n{}\n',
        b'{"type": 7}\n{"type": null}\n{"type": "unheard-of", "t": "soon"}\n',
        b'{"type": "run-end", "exitstatus": 0, "interrupted": false, "duration": 1e400}\n',
        b'{"type": "test", "test": "t", "outcome": "passed", "duration": NaN, "timeline": [1, {"t": -Infinity}]}\n',
        json.dumps(sample.run()).encode("utf-16"),
    ],
)
def test_what_is_no_journal_has_every_form_and_certifies_nothing(data: bytes) -> None:
    found = certificate(parse(data))
    assert (found.conclusion.verdict, found.conclusion.exit_code) == (Verdict.INCONCLUSIVE, 3)
    written(found)


def test_a_directory_without_a_journal_is_rendered(tmp_path: Path) -> None:
    assert render(tmp_path).conclusion.verdict is Verdict.INCONCLUSIVE
    assert {path.name for path in tmp_path.iterdir()} == set(FORMS)


def test_every_form_is_the_same_from_the_same_journal(tmp_path: Path) -> None:
    sample.write(tmp_path)
    assert written(certificate_of(tmp_path)) == written(certificate_of(tmp_path))


NASTY = (
    HOSTILE,
    "]]><![CDATA[ <a/> --><!-- ?>",
    "\x00\x01\x08\x0b\x1b[2J\x7f\x85\ud800\ufffe tab\t line\r\n",
    "\u202egnp.exe\u2028\u2029",
    "&lt;script&gt; &#x3c; &nope; %3Cscript%3E",
    "' onmouseover='alert(1)",
    "wide \U0001d518 " * 1_000,
)


def drawn(text: str) -> sample.Record:
    lines = [{"name": text, "points": [[0, 1], [1, 2]]}]
    return {"title": text, "unit": text, "lines": lines, "spans": [{"name": text, "from": 0, "to": 1}]}


def nasty(text: str) -> list[sample.Record]:
    """A run that holds the text wherever a cluster, a test or a user may put one."""
    environment = {
        **sample.environment(),
        **dict.fromkeys(("server", "context", "kubevirt", "installNamespace", "fingerprint"), text),
        "nodes": [{**sample.environment()["nodes"][1], "name": text, "taints": [text], "cpuModel": text}],
        "migrations": {text: text, "nested": {text: [text]}},
        "capabilities": {text: {"available": True, "detail": text}},
        "featureGates": [text],
    }
    said = dict.fromkeys(("message", "details", "expected", "observed", "evidence", "reason", "namespace"), text)
    moments = [{"t": n, "source": source, "text": text} for n, source in enumerate((text, "Pod", "event"))]
    results = [
        sample.result(
            number,
            outcome,
            test=f"{outcome}.py::{text}",
            notes=[text],
            timeline=[*moments, *sample.timeline()],
            measurements=[{"name": text, "value": number, "unit": text}],
            tables=[{"title": text, "row": {**dict.fromkeys(("expected", "observed", text), text), "holds": False}}],
            charts=[drawn(text)],
            **said,
        )
        for number, outcome in enumerate(("failed", "passed", "skipped", "error"), 1)
    ]
    told = dict.fromkeys(("title", "statement", "source", "remedy", "versions"), text)
    requirements = [sample.requirement(number, **told) for number in range(1, 6)]
    problem = {"type": "problem", "severity": "inconclusive", "message": text, "remedy": text}
    violation = {"type": "violation", "check": text, "message": text, "test": text, "evidence": text}
    run = sample.run(command=[text], id=text, started=text, seatrial=text, python=text)
    return [run, environment, *requirements, problem, *results, violation]


def as_ascii(records: list[sample.Record]) -> bytes:
    """Lines with every character beyond ASCII escaped, as a half surrogate must be."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.mark.parametrize("text", NASTY, ids=lambda text: repr(text[:12]))
def test_text_stays_text_in_every_form(text: str) -> None:
    found = certificate(parse(as_ascii(nasty(text))))
    forms = written(found)
    page = Page(forms["certificate.html"])
    assert not {"script", "img", "a/"} & {tag for tag, _ in page.tags}
    assert not {name for _, attributes in page.tags for name in attributes if name.startswith("on")}
    assert page.open == []
    names = {element.tag for element in fromstring(forms["junit.xml"]).iter()}
    assert names <= {"testsuites", "testsuite", "testcase", "properties", "property", "failure", "error", "skipped"}
    assert not any(ord(letter) < 32 and letter not in "\n\t\r" for form in forms.values() for letter in form)


def test_no_form_grows_with_its_texts() -> None:
    forms = written(of(*nasty("word " * 4_500)))
    assert max(map(len, forms.values())) < LARGEST
    assert len(forms["summary"].splitlines()) < 150


JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl"
SECRETS = {
    f"Authorization: Bearer {JWT}": JWT,
    "curl -H 'authorization: bearer sha256~Zm9vYmFy-opaque' https://x": "Zm9vYmFy",
    "Authorization: Basic YWRtaW46aHVudGVyMg==": "YWRtaW46",
    "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEI\nAgEA\n-----END EC PRIVATE KEY-----\n": "MHcCAQEEI",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r": "b3BlbnNzaC1r",
    "    client-key-data: Zm9vYmFyYmF6\n    client-certificate-data: cXV4cXV1eA==": "Zm9vYmFyYmF6",
    "users: [{user: {token: 0123456789abcdefghij}}]": "0123456789abcdefghij",
    "{'Set-Cookie': 'sid=s3cr3t-session; HttpOnly'}": "s3cr3t-session",
    "Cookie: lang=en; session=s3cr3t-session": "s3cr3t-session",
    "https://admin:hunter2@registry.example.org/v2/": "hunter2",
}


@pytest.mark.parametrize(("text", "secret"), SECRETS.items(), ids=range(len(SECRETS)))
def test_no_form_shows_a_secret_wherever_it_was_written(text: str, secret: str) -> None:
    forms = written(of(*nasty(text)))
    assert [name for name, form in forms.items() if secret in form] == []


@pytest.mark.parametrize("lab", [True, False])
def test_every_human_form_is_stamped_exactly_when_the_cluster_is_a_lab(lab: bool) -> None:
    records = [sample.environment(lab=lab) if item["type"] == "environment" else item for item in held()]
    forms = written(of(*records))
    assert {name for name, form in forms.items() if LAB_STAMP in form} == (set(EVERY) if lab else set())
    assert json.loads(forms["certificate.json"])["stamp"] == (LAB_STAMP if lab else None)


def test_a_lab_is_told_by_its_version_whatever_else_is_claimed() -> None:
    claimed = {**sample.environment(), "lab": False}
    assert of(sample.run(), claimed).stamp == LAB_STAMP


def test_a_stamp_is_there_in_every_verdict() -> None:
    for outcome in ("passed", "failed", "skipped"):
        found = of(sample.run(), sample.environment(), sample.requirement(1), sample.result(1, outcome))
        assert all(LAB_STAMP in form for form in written(found).values())
