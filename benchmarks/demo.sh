#!/bin/sh
# The main job on the embedded model: ask, extract, grade; scores, logs and a page come out. Called by `make demo`.
set -eu
PYTHON=${PYTHON:-python3}
OUT=${OUT:-out/demo}
MODEL=lm_eval_mathtasks/embedded/grpo  # an installed package has it at: mathtasks model-path
export HF_HUB_OFFLINE=1
OPEN=$(command -v xdg-open || command -v open || command -v start || echo "python3 -m webbrowser")
OPEN=$(basename "$OPEN")

"$PYTHON" -m lm_eval_mathtasks run --model hf --model_args "pretrained=$MODEL,dtype=float32" --device cpu \
    --tasks sample-gsm8k,sample-math --apply_chat_template --batch_size 25 --output_path "$OUT"
"$PYTHON" -m lm_eval_mathtasks report "$OUT" -o "$OUT/report.html"

cat <<EOF

The page: every score with its interval, every prompt, response and verdict. To open it:

    $OPEN $OUT/report.html

The real thing, on your model (\`$(dirname "$PYTHON")/mathtasks tasks\` lists the tasks):

    mathtasks run --model hf --model_args pretrained=Qwen/Qwen2.5-1.5B-Instruct --apply_chat_template \\
        --tasks gsm8k-cot-zeroshot,math500 --batch_size auto --report
EOF
