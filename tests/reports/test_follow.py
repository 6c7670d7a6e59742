from pathlib import Path

from seatrial.reports.follow import Follower


def test_each_record_is_given_once_and_only_when_its_line_is_complete(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    assert follower.read() == []
    with (tmp_path / "journal.jsonl").open("ab", buffering=0) as stream:
        stream.write(b'{"type": "run"}\n{"type": "test')
        assert follower.read() == [{"type": "run"}]
        assert follower.read() == []
        stream.write(b'-start"}\nnonsense\n{"type": "test"}\n')
        assert follower.read() == [{"type": "test-start"}, {"type": "test"}]
