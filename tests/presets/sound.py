"""What makes a preset sound: known fields of the right types, and a source for each of them."""

# field -> the types its value may have; `shots`, `max_tokens` and `k` may differ by benchmark.
TYPES = {
    "chat_template": (bool,), "system_instruction": (str,), "thinking": (bool,), "temperature": (int, float),
    "top_p": (int, float), "top_k": (int,), "max_tokens": (int,), "k": (int,), "shots": (int,),
}  # fmt: skip
_BY_BENCHMARK = ("shots", "max_tokens", "k")
_ABOUT = {"title": str, "claims": list, "benchmarks": dict, "sources": list}
_OPTIONAL = {"kinds": list, "mode": str, "note": str, "tag": str}
_SOURCE = ("title", "url", "date", "locator", "says")


def problems_of(content):
    """What is wrong with the content of a preset's file, a sentence each."""
    known = {**_ABOUT, **_OPTIONAL}
    problems = [f"unknown field {name}" for name in content if name not in known and name not in TYPES]
    # No claims: a protocol whose published numbers are votes, or chosen by a reward model.
    problems += [f"no {name}" for name in _ABOUT if not content.get(name) and content.get(name) != []]
    problems += [
        f"{k} is no {t.__name__}" for k, t in known.items() if k in content and not isinstance(content[k], t)
    ]
    if problems:
        return problems
    problems += _wrong_values("", content, TYPES)
    for benchmark, facts in content["benchmarks"].items():
        problems += [] if isinstance(facts.get("task"), str) else [f"{benchmark} without task"]
        fixed = [name for name in facts if name != "task" and name not in _BY_BENCHMARK]
        problems += [f"{benchmark}: {name} cannot differ by benchmark" for name in fixed]
        problems += _wrong_values(f"{benchmark}: ", facts, _BY_BENCHMARK)
    return problems + _sources(content)


def _wrong_values(where, facts, fields):
    given = {name: facts[name] for name in fields if name in facts}
    # A bool is an int to Python, and would be a strange number of shots.
    kinds = {name: bool if isinstance(value, bool) else type(value) for name, value in given.items()}
    return [f"{where}{name}: {given[name]!r}" for name in given if kinds[name] not in TYPES[name]]


def _sources(content):
    problems = [
        f"source {number} without {name}"
        for number, source in enumerate(content["sources"], 1)
        for name in _SOURCE
        if source.get(name) is None
    ]
    if problems:
        return problems
    said = {name for source in content["sources"] for name in source["says"]}
    used = {n for n in TYPES if n in content} | {
        n for b in content["benchmarks"].values() for n in b if n != "task"
    }
    return [f"no source says {name}" for name in sorted(used - said)] + [
        f"{name} is said but not given" for name in sorted(said - used)
    ]
