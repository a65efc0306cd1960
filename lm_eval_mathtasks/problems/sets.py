"""Which sets there are to test on, and to train on (`...-train`): `sets.yaml`, a row each, says where a set lives, how
many docs it has and what they hold.

A new benchmark is a row there and a folder under `tasks/`: a YAML that includes `../_boxed.yaml` and names the row, and
a README. How each set was obtained, and what could not be confirmed, is in the README of its family under `tasks/`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from lm_eval_mathtasks.errors import DataError

SUFFIXES = (".jsonl", ".parquet")


@dataclass(frozen=True)
class Source:
    """One test set.

    docs: number of docs; licence: of the data, as its publisher states it;
    hub, config, split, revision: its place on the hub; configs: several configurations that make up the set, in order;
    github, file, revision: a file of a repository instead; bundled: name of a file in the package;
    aliases: other stems of file names by which copies go;
    question, gold: names of the published columns that hold the problem and the reference answer, which our docs call
        "question" and "gold"; rename: further columns, published name -> name in our docs;
    body: a column whose text stands before the question; copies: what other copies call a column -> published name;
    where: column -> regular expression that it matches entirely in the rows of the set, where a file holds others too;
    gold_pattern: regular expression that every gold must match entirely, where all answers are of one kind;
    checksum: of the question and gold columns (`sources.checksum`), "rows:" before one of another form (see
        `sources.rows_checksum`), empty where none could be established;
    ordered: whether the checksum depends on the order of the docs;
    confirmed: whether the hub's content at the revision is known to have this checksum. Where it is not, content from
        the hub at the revision is used all the same, because the revision names it, and the difference is said;
    editions: further editions in circulation: number of docs -> checksum (empty: not established);
    without_gold: how many docs have no reference answer as published; more than these are a fault of the copy.
    """

    name: str
    docs: int
    licence: str
    question: str = "question"
    gold: str = "answer"
    rename: Mapping[str, str] = field(default_factory=dict)
    hub: str = ""
    config: str | None = None
    configs: Sequence[str] = ()
    split: str = "test"
    revision: str = ""
    github: str = ""
    file: str = ""
    bundled: str = ""
    aliases: Sequence[str] = ()
    body: str = ""
    copies: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)
    gold_pattern: str = ""
    checksum: str = ""
    ordered: bool = True
    confirmed: bool = True
    editions: Mapping[int, str] = field(default_factory=dict)
    without_gold: int = 0

    @property
    def columns(self) -> dict[str, str]:
        """The columns that are called otherwise in our docs: original name -> name in our docs."""
        names = {self.question: "question", self.gold: "gold", **self.rename}
        return {old: new for old, new in names.items() if old != new}

    @property
    def published_at(self) -> str:
        """Where it is published, in words."""
        return f"{self.hub or 'github.com/' + self.github} at revision {self.revision}"

    @property
    def file_names(self) -> list[str]:
        """Where a folder may hold this set; the last two are the layouts of a clone of the hub's repository."""
        names = dict.fromkeys((self.name, self.name.replace("-", "_"), *self.aliases))
        # Copies call it "test" where the hub says "train".
        splits = dict.fromkeys((self.split, "test"))
        forms = [*(f"_{split}" for split in splits), "", *(f"/{split}" for split in splits)]
        stems = [*(name + form for name in names for form in forms), self.split]
        published = Path(self.file)
        suffixes = dict.fromkeys((*SUFFIXES, published.suffix)) if self.file else SUFFIXES
        return [
            *(stem + suffix for stem in stems for suffix in suffixes),
            *([published.name] if self.file else ()),
            f"{self.config or 'data'}/{self.split}-*.parquet",
            *(f"{name}/**/{self.split}-*.parquet" for name in names),
        ]


@cache
def known_sets() -> dict[str, Source]:
    """Every set by its name."""
    return read_sets(Path(__file__).with_name("sets.yaml"))


def read_sets(path: Path) -> dict[str, Source]:
    """The sets that a YAML file describes: its keys are their names, the fields of `Source` their facts."""
    import yaml

    # The C loader is ten times faster, and optional.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    rows = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  # either is safe
    return {name: Source(name=name, **facts) for name, facts in rows.items()}


def set_named(name: object) -> Source:
    """The set of that name. Raises DataError, with the names that are near, or all, where there is none."""
    if source := known_sets().get(str(name)):
        return source
    near = get_close_matches(str(name), known_sets()) or known_sets()
    fix = f"name one in the task's YAML, `dataset_kwargs: {{set: ...}}`: {', '.join(near)}"
    raise DataError("a set of problems/sets.yaml", repr(name), fix)
