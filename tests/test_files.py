"""Files as people have them: what is read, and what is refused with file and line, is the same for every command."""

import errno
import gzip
import json

import pytest

from lm_eval_mathtasks.errors import DataError, MathtasksError, ReplayError
from lm_eval_mathtasks.files import json_lines, read_json, read_json_lines, read_parquet, write_whole

ROWS = [{"id": 0, "text": "naïve \u2028 \x85 line"}, {"id": 1, "text": 'half of a pair: "\ud83d"'}]
PLAIN = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
RAW = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode("utf-8", "surrogatepass")


def written(tmp_path, content, name="x.jsonl"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        RAW,
        b"\xef\xbb\xbf" + RAW,
        RAW.replace(b"\n", b"\r\n"),
        b"\n  \n" + PLAIN.rstrip(),
        gzip.compress(RAW, mtime=0),
        gzip.compress(b"\xef\xbb\xbf" + PLAIN, mtime=0),
    ],
    ids=["escaped", "as they are", "byte order mark", "CRLF", "blank lines", "gzip by content", "both"],
)
def test_every_way_to_write_the_same_lines(tmp_path, content):
    assert read_json_lines(written(tmp_path, content), DataError) == ROWS


@pytest.mark.parametrize(
    "content",
    [b'{"a": 1}', b'\xef\xbb\xbf{"a": 1}', gzip.compress(b'{"a": 1}', mtime=0)],
    ids=["plain", "byte order mark", "gzip"],
)
def test_every_way_to_write_the_same_json(tmp_path, content):
    assert read_json(written(tmp_path, content), DataError) == {"a": 1}


BAD = {
    b'{"a": 1}\n{"a": ': "a JSON object on line 2 of",
    b'{"a": 1}\n[1]\n': r"line 2 of .*got list '\[1\]'",
    b'{"a": "\xff\xfe"}\n': "UTF-8 on line 1 of",
    b'{"a": 1}\n{"a": ' + b"9" * 5_000 + b"}\n": "line 2",
    b"\n" + b"[" * 100_000 + b"\n": "line 2",
    b"\n \n": "an empty file",
    b"": "an empty file",
    b"\x1f\x8b\x08 not really": "a readable",
    gzip.compress(PLAIN)[:-12]: "a readable",
}


@pytest.mark.parametrize("content", BAD, ids=range(len(BAD)))
@pytest.mark.parametrize("error", [DataError, ReplayError])
def test_lines_that_are_refused_are_named(tmp_path, content, error):
    with pytest.raises(error, match=BAD[content]) as caught:
        read_json_lines(written(tmp_path, content), error)
    assert "x.jsonl" in str(caught.value)


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, b"9" * 5_000, b"\x1f\x8b"])
def test_json_that_is_refused(tmp_path, content):
    with pytest.raises(DataError, match="a readable"):
        read_json(written(tmp_path, content), DataError)


def test_no_such_file(tmp_path):
    for read in (read_json, read_json_lines, read_parquet):
        with pytest.raises(DataError, match="No such file"):
            read(tmp_path / "none", DataError)


def test_what_a_killed_process_left_is_read_as_far_as_it_is_whole(tmp_path):
    def read(content):
        return [row for _, row in json_lines(written(tmp_path, content), MathtasksError, unfinished=True)]

    assert read(b"") == []
    assert read(b'{"a": 1}\n{"a": 2}') == [{"a": 1}, {"a": 2}]
    assert read(b'{"a": 1}\n{"a": "\xc3') == [{"a": 1}]
    with pytest.raises(MathtasksError, match="line 1"):
        read(b'{"a"\n{"a": 2}\n')


def test_damaged_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="a readable"):
        read_parquet(written(tmp_path, b"PAR1 no"), DataError)


def test_what_cannot_be_filled_leaves_nothing(tmp_path):
    def full():
        yield b"half"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "a", full())
    assert not list(tmp_path.iterdir())
