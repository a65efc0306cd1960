"""Logs as harnesses write them, small: what the tests of runs, comparisons and explanations read."""

import hashlib
import json


def digest(text):
    return hashlib.sha256(str(text).encode()).hexdigest()


def doc(number, gold, question=None):
    return {"question": question or f"What is the answer to number {number}?", "gold": str(gold)}


def write_lm_eval(
    folder,
    docs,
    responses,
    *,
    scores=None,
    metrics=None,
    task="gsm8k-cot-zeroshot",
    model="acme/toy-1",
    filters=("none",),
    version=1.0,
    shots=0,
    prompt="{question}",
    chat=False,
    settings=None,
    repeats=1,
    stamp="2026-01-02T03-04-05.678901",
):
    """Write results_*.json and samples_*.jsonl and return the folder.

    responses[i] is a text or a list of texts. scores: by filter, or one list for all; metrics: further ones by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"until": ["</s>"], "do_sample": False, "max_gen_toks": 512} if settings is None else settings
    lines = []
    for name in filters:
        marks = scores[name] if isinstance(scores, dict) else scores
        for number, (one, given) in enumerate(zip(docs, responses, strict=True)):
            texts = [given] if isinstance(given, str) else list(given)
            asked = prompt.format(**one)
            turns = [json.dumps([{"role": "user", "content": asked}])]
            numbers = {} if marks is None or marks[number] is None else {"exact_match": float(marks[number])}
            numbers |= {key: float(values[number]) for key, values in (metrics or {}).items()}
            reasons = [getattr(text, "finish_reason", None) for text in texts]
            lines.append(
                {
                    "doc_id": number,
                    "doc": one,
                    "target": one["gold"],
                    "arguments": {"gen_args_0": {"arg_0": turns if chat else asked, "arg_1": settings}},
                    "resps": [texts],
                    "filtered_resps": texts,
                    "filter": name,
                    "metrics": list(numbers),
                    "doc_hash": digest(json.dumps(one, indent=2, ensure_ascii=False)),
                    "prompt_hash": digest(asked),
                    "target_hash": digest(one["gold"]),
                    **({"finish_reasons": [reasons]} if any(reasons) else {}),
                    **numbers,
                }
            )
    hashes = "".join(line[key] for line in lines for key in ("doc_hash", "prompt_hash", "target_hash"))
    results = {
        "results": {task: {"alias": task}},
        "configs": {
            task: {
                "task": task,
                "repeats": repeats,
                "generation_kwargs": settings,
                "metadata": {"version": version},
            }
        },
        "versions": {task: version},
        "n-shot": {task: shots},
        "n-samples": {task: {"original": len(docs), "effective": len(docs)}},
        "config": {"model": "hf", "model_args": {"pretrained": model}, "random_seed": 0},
        "git_hash": "abc1234",
        "date": 1767323045.0,
        "lm_eval_version": "0.4.13",
        "task_hashes": {task: digest(hashes)},
        "model_name": model,
        "chat_template": "{{ messages }}" if chat else None,
        "system_instruction": None,
    }
    (folder / f"results_{stamp}.json").write_text(json.dumps(results), encoding="utf-8")
    with (folder / f"samples_{task}_{stamp}.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    return folder


def write_json_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
