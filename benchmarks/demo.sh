#!/bin/sh
# The main job on the embedded model: ask, extract, grade; lm-eval's table and logs come out. Called by `make demo`.
set -eu
PYTHON=${PYTHON:-python3}
OUT=${OUT:-out/demo}
MODEL=lm_eval_mathtasks/embedded/grpo  # an installed package has it at: mathtasks model-path
export HF_HUB_OFFLINE=1

"$PYTHON" -m lm_eval_mathtasks run --model hf --model_args "pretrained=$MODEL,dtype=float32" --device cpu \
    --tasks sample-gsm8k,sample-math --apply_chat_template --batch_size 25 --output_path "$OUT"

cat <<EOF

The logs are in $OUT: results_*.json is the table, samples_*.jsonl has every prompt, response and score.
The real thing, on your model:

    mathtasks run --model hf --model_args pretrained=Qwen/Qwen2.5-1.5B-Instruct --apply_chat_template \\
        --tasks gsm8k-cot-zeroshot,math500 --batch_size auto
EOF
