#!/bin/sh
# A published model of 135 million parameters on 50 docs (LIMIT): GSM8K where it is at hand (the hub, a mirror of it in
# HF_ENDPOINT, or the folder MATHTASKS_DATA_DIR), else the bundled samples; then its report. Called by `make demo-real`.
set -eu
PYTHON=${PYTHON:-python3}
OUT=${OUT:-out/demo-real}
LIMIT=${LIMIT:-50}
MODEL=$("$PYTHON" -m lm_eval_mathtasks model-path smollm2-135m)

ask() {
    "$PYTHON" -m lm_eval_mathtasks run --model hf --model_args "pretrained=$MODEL,dtype=float32" --device cpu \
        --tasks "$1" --limit "$LIMIT" --apply_chat_template --batch_size 25 --gen_kwargs max_gen_toks=256 \
        --output_path "$OUT"
}

if "$PYTHON" -c "from lm_eval_mathtasks.hooks import load; load(set='gsm8k')" >/dev/null 2>&1; then
    ask gsm8k-cot-zeroshot
else
    echo "GSM8K is not at hand: the bundled samples are asked instead."
    ask sample-gsm8k,sample-math
fi
"$PYTHON" -m lm_eval_mathtasks report "$OUT" -o "$OUT/report.html"
echo "The report: $OUT/report.html"
