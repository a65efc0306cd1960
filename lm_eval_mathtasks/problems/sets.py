"""Which sets there are to test on, and to train on (`...-train`): where each lives, at which revision, how many docs it
has, and what its content is.

A checksum is over the normalised text of the question and gold columns (`sources.checksum`). How each was obtained,
and what could not be confirmed, is in the README of its family under `tasks/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SUFFIXES = (".jsonl", ".parquet")
MATH_SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)


@dataclass(frozen=True)
class Source:
    """One test set.

    question, gold: names of the original columns that hold the problem and the reference answer;
    docs: number of docs; checksum: of the question and gold columns, "rows:" before one of another form (see
        `sources.rows_checksum`), empty where none could be established;
    licence: of the data, as its publisher states it; rename: original column name -> name in our docs;
    hub, config, split, revision: its place on the hub; configs: several configurations that make up the set, in order;
    bundled: name of a file in the package;
    gold_pattern: regular expression that every gold must match entirely, where all answers are of one kind;
    aliases: other stems of file names by which copies go;
    ordered: whether the checksum depends on the order of the docs;
    confirmed: whether the hub's content at the revision is known to have this checksum. Where it is not, content from
        the hub at the revision is used all the same, because the revision names it, and the difference is said;
    editions: further editions in circulation: number of docs -> checksum (empty: not established);
    without_gold: how many docs have no reference answer as published; more than these are a fault of the copy.
    """

    name: str
    question: str
    gold: str
    docs: int
    checksum: str
    licence: str
    rename: Mapping[str, str] = field(default_factory=dict)
    hub: str = ""
    config: str | None = None
    configs: tuple[str, ...] = ()
    split: str = "test"
    revision: str = ""
    bundled: str = ""
    gold_pattern: str = ""
    aliases: tuple[str, ...] = ()
    ordered: bool = True
    confirmed: bool = True
    editions: Mapping[int, str] = field(default_factory=dict)
    without_gold: int = 0

    @property
    def file_names(self) -> list[str]:
        """Where a folder may hold this set; the last two are the layouts of a clone of the hub's repository."""
        names = (self.name, *self.aliases)
        splits = dict.fromkeys((self.split, "test"))  # copies call it "test" where the hub says "train"
        stems = [f"{name}{form}" for name in names for form in self._forms(splits)] + [self.split]
        plain = [stem + suffix for stem in stems for suffix in SUFFIXES]
        return [
            *plain,
            f"{self.config or 'data'}/{self.split}-*.parquet",
            *(f"{name}/**/{self.split}-*.parquet" for name in names),
        ]

    @staticmethod
    def _forms(splits: Iterable[str]) -> list[str]:
        return [*(f"_{split}" for split in splits), "", *(f"/{split}" for split in splits)]


SOURCES = {
    source.name: source
    for source in (
        Source(
            name="gsm8k",
            question="question",
            gold="answer",
            rename={"answer": "gold"},
            docs=1319,
            checksum="f4d5a53c6c00857e4d6aed9ede3afa5d762910f42fa8ddef0a4472489eefd570",
            licence="MIT",
            hub="openai/gsm8k",
            config="main",
            revision="740312add88f781978c0658806c59bc2815b9866",
        ),
        Source(
            name="gsm8k-platinum",
            question="question",
            gold="answer",
            rename={"answer": "gold"},
            docs=1209,
            checksum="",
            licence="MIT",
            hub="madrylab/gsm8k-platinum",
            config="main",
            revision="e762492455a1cf7967de89f05b6bef72fc713b66",
            gold_pattern=r"(?s).*#### *-?[\d,.]+\s*",
            aliases=("gsm8k_platinum",),
        ),
        Source(
            name="math500",
            question="problem",
            gold="answer",
            rename={"problem": "question", "answer": "gold"},
            docs=500,
            checksum="127c95d115a218d75497eba38bd2a4e9de862a1cd2525a3fc4422c148dfb3d57",
            licence="MIT",
            hub="HuggingFaceH4/MATH-500",
            revision="6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be",
        ),
        Source(
            name="math",
            question="problem",
            gold="solution",
            rename={"problem": "question", "type": "subject"},
            docs=5000,
            checksum="ab07b9484087d8840052fa28f89980cbba2c7e31c145b51757555590044026ad",
            licence="MIT",
            hub="EleutherAI/hendrycks_math",
            configs=MATH_SUBJECTS,
            revision="21a5633873b6a120296cce3e2df9d5550074f4a3",
            gold_pattern=r"(?s).*\\(?:boxed|fbox).*",
            ordered=False,
            confirmed=False,
        ),
        Source(
            name="amc23",
            question="question",
            gold="answer",
            rename={"answer": "gold"},
            docs=40,
            checksum="5c3809ad2e5d3ff65749dba8808a949e17b183a6092c4285fb1978f31ff5d940",
            licence="not stated; the problems are the Mathematical Association of America's",
            hub="math-ai/amc23",
            revision="80815d37005feb82cd7f8fbc6901d5d3eff43057",
            gold_pattern=r"-?\d+(\.0)?",
        ),
        Source(
            name="aime24",
            question="problem",
            gold="answer",
            rename={"problem": "question", "answer": "gold"},
            docs=30,
            checksum="db9d8c9462719f50f17bcc798b1624cf87eacd35e6ad3a24c8d7171bfefda637",
            licence="not stated; the problems are the Mathematical Association of America's",
            hub="HuggingFaceH4/aime_2024",
            split="train",
            revision="2fe88a2f1091d5048c0f36abc874fb997b3dd99a",
            gold_pattern=r"\d{1,3}",
            confirmed=False,
        ),
        Source(
            name="aime25",
            question="problem",
            gold="answer",
            rename={"problem": "question", "answer": "gold"},
            docs=30,
            checksum="4d093e97680070a73e9166993278703a71b41579f2a78cbcc738034630d84f17",
            licence="not stated; the problems are the Mathematical Association of America's",
            hub="math-ai/aime25",
            revision="563bb8404243c5f09de6ec262f2db674fe5bce9b",
            gold_pattern=r"\d{1,3}",
        ),
        Source(
            name="olympiadbench",
            question="question",
            gold="final_answer",
            rename={"final_answer": "gold"},
            docs=675,
            checksum="814cd343049c7d9d01d847da51a35aae087f1277bd514bac6e66df60f811da0f",
            licence="Apache-2.0",
            hub="Hothan/OlympiadBench",
            config="OE_TO_maths_en_COMP",
            split="train",
            revision="91184b52131e7fc9455fef848035173aea8cc01a",
            aliases=("OE_TO_maths_en_COMP",),
            confirmed=False,
            editions={674: ""},
        ),
        Source(
            name="minerva-math",
            question="question",
            gold="answer",
            rename={"answer": "gold"},
            docs=272,
            checksum="rows:b25fb30e62b0f58aeef96cb30549c8c6cb6e5ea2bf8d15a45ed78ade48ba8836",
            licence="not stated; the paper's supplement",
            hub="math-ai/minervamath",
            revision="ee46ddc498933b1977577953250ca5c66be64f96",
            aliases=("minerva_math", "minervamath"),
        ),
        Source(
            name="gsm8k-train",
            question="question",
            gold="answer",
            docs=7473,
            checksum="bba53c04ce83b532f1685d8c925ff24f8085827b33ca65c8392b3061a3fa15dc",
            licence="MIT",
            hub="openai/gsm8k",
            config="main",
            split="train",
            revision="740312add88f781978c0658806c59bc2815b9866",
            aliases=("gsm8k_train",),
        ),
        Source(
            name="math-train",
            question="problem",
            gold="solution",
            docs=7500,
            checksum="",
            licence="MIT",
            hub="EleutherAI/hendrycks_math",
            configs=MATH_SUBJECTS,
            split="train",
            revision="21a5633873b6a120296cce3e2df9d5550074f4a3",
            gold_pattern=r"(?s).*\\(?:boxed|fbox).*",
            aliases=("math_train",),
        ),
        # Problems and answers alone, as openreasoner/openr at 54ae004 extracted them.
        Source(
            name="math-train-answers",
            question="question",
            gold="answer",
            docs=7500,
            checksum="a1507e7896b67863845429a95eed464b39ed5197bf8fc37392a9d39f1dbf6513",
            licence="MIT",
            split="train",
            aliases=("math_train_answers",),
            without_gold=2,
        ),
        Source(
            name="sample-gsm8k",
            question="question",
            gold="answer",
            rename={"answer": "gold"},
            docs=100,
            checksum="3ba1533cff6803bf9ed3e06a4f8774ac149c81ca1e12bfe6a913fbda26cb9532",
            licence="MIT",
            bundled="gsm8k.jsonl",
        ),
        Source(
            name="sample-math",
            question="problem",
            gold="answer",
            rename={"problem": "question", "answer": "gold"},
            docs=100,
            checksum="e5ab46d210f467176733a0bd2b39f66ac13e8aed3b43f97a47c8f1418b8aea07",
            licence="MIT",
            bundled="math.jsonl",
        ),
    )
}
