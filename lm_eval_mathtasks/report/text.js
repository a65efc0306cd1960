// A question or a response as readable text: formulas as mathematics, the extraction marked, everything else as it is.
"use strict";
// Characters that hide or reorder others; words.py has the same list.
const HIDDEN = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const visible = text => text.replace(HIDDEN, c => `⟨U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

const make = (tag, content = "", className = "") => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...[content].flat());
  return node;
};

const readText = (() => {
  const OPEN = /```|\[asy\]|\$\$|\$|\\\(|\\\[|\\begin\{(align|equation|gather|eqnarray|array|cases|multline|[pbvV]matrix)|\\(?:boxed|[dt]?frac|sqrt)\s*[{\[\d]|\*\*|^#{1,4} (?=.*[A-Za-z])/gm;
  const CLOSE = { "```": "```", "[asy]": "[/asy]", "$$": "$$", "\\(": "\\)", "\\[": "\\]" };
  // A line of mathematics without its delimiters: no words, no dollars, no \( or \[.
  const BARE = /^(?:[^A-Za-z\\$*`]|\\(?:text|mbox)\{[^{}]*\}|\\[A-Za-z]+|\\[^A-Za-z()[\]]|\*(?!\*)|[A-Za-z](?![A-Za-z]))*$/;
  const MOST_FORMULAS = 1500;

  // [{kind, s, e, from, to}]: the piece is text[s:e], its content text[from:to].
  function pieces(text) {
    const found = [];
    let at = 0;
    const push = (kind, s, e, from = s, to = e) => {
      if (s > at) found.push({ kind: "text", s: at, e: s, from: at, to: s });
      found.push({ kind, s, e, from, to });
      at = e;
    };
    OPEN.lastIndex = 0;
    for (let match; (match = OPEN.exec(text));) {
      const s = match.index, open = match[0];
      if (s < at) { OPEN.lastIndex = at; continue; }
      const from = s + open.length;
      if (open === "**") push("bold", s, from);
      else if (open.startsWith("#")) push("heading", s, from);
      else if (open === "$") {
        const to = dollarEnd(text, from);
        if (to > 0) push("inline", s, to + 1, from, to);
      } else if (/^\\(boxed|[dt]?frac|sqrt)/.test(open)) {
        const start = Math.max(at, text.lastIndexOf("\n", s) + 1), stop = (text.indexOf("\n", s) + 1 || text.length + 1) - 1;
        const e = open.startsWith("\\boxed") ? braceEnd(text, from - 1) : -1;
        if (BARE.test(text.slice(start, stop))) push("inline", start, stop);
        else if (e > 0) push("inline", s, e);
      } else if (open.startsWith("\\begin")) {
        const name = text.slice(s + 7, text.indexOf("}", s)), end = `\\end{${name}}`, to = text.indexOf(end, from);
        if (to > 0) push("display", s, to + end.length);
      } else {
        const close = CLOSE[open], to = text.indexOf(close, from);
        if (to > 0) push(open === "```" || open === "[asy]" ? "code" : open === "\\(" ? "inline" : "display", s, to + close.length, from, to);
      }
      OPEN.lastIndex = Math.max(at, s + 1);
    }
    if (at < text.length) found.push({ kind: "text", s: at, e: text.length, from: at, to: text.length });
    return found;
  }
  // The end of $...$: as Pandoc reads it, no space inside the dollars and no digit behind; and not a sentence about money.
  function dollarEnd(text, from) {
    if (/[\s$]/.test(text[from] || " ")) return -1;
    for (let i = from; i < text.length && i - from < 2000; i++) {
      if (text[i] === "\\") i++;
      else if (text[i] === "\n" && text[i + 1] === "\n") return -1;
      else if (text[i] === "$") {
        const inside = text.slice(from, i), bare = inside.replace(/\\[a-z]*(text|mbox)\w*\s*\{[^}]*\}|\\[a-zA-Z]+/g, "");
        if (/\s/.test(text[i - 1]) || /\d/.test(text[i + 1] || "")) return -1;
        return /[A-Za-z]{3,}[ ,.]+[A-Za-z]{2,}/.test(bare) ? -1 : i;
      }
    }
    return -1;
  }
  function braceEnd(text, open) {
    for (let i = open, level = 0; i < text.length; i++) {
      if (text[i] === "\\") i++;
      else if (text[i] === "{") level++;
      else if (text[i] === "}" && --level === 0) return i + 1;
    }
    return -1;
  }
  function formula(text, piece, hit) {
    const source = text.slice(piece.from, piece.to), inside = hit && hit[0] < piece.e && hit[1] > piece.s;
    try {
      const within = inside ? [hit[0] - piece.from, hit[1] - piece.from] : null;
      const node = readMath(source, piece.kind === "display", within);
      // What was extracted may be part of a token or the delimiters too: then the whole formula is marked.
      if (inside && !node.querySelector(".hit")) node.classList.add("hit");
      return node;
    } catch (error) {
      const node = make("code", visible(text.slice(piece.s, piece.e)), inside ? "tex hit" : "tex");
      node.title = `not read as mathematics: ${visible(error.message)}`;
      return node;
    }
  }
  // The marked and unmarked parts of text[from:to].
  function plain(text, from, to, hit) {
    const [s, e] = hit || [to, to], cuts = [from, Math.min(to, Math.max(from, s)), Math.min(to, Math.max(from, e)), to];
    return [0, 1, 2].filter(i => cuts[i] < cuts[i + 1]).map(i => {
      const part = visible(text.slice(cuts[i], cuts[i + 1]));
      return i === 1 ? make("mark", part) : document.createTextNode(part);
    });
  }

  // hit: [start, end) of the extraction or null; raw: no mathematics, every character as it was written.
  return (text, hit, raw) => {
    const out = make("div", "", raw ? "said raw" : "said");
    if (raw) { out.append(...plain(text, 0, text.length, hit)); return out; }
    let bold = false, heading = false, formulas = 0, told = 0;
    const say = (from, to) => {
      if (from < told) from = Math.min(told, to);
      const nodes = plain(text, from, to, hit);
      out.append(...(bold || heading ? [make("b", nodes)] : nodes));
    };
    for (const piece of pieces(text)) {
      if (piece.kind === "bold") { bold = !bold; continue; }
      if (piece.kind === "heading") { heading = true; continue; }
      if (piece.kind === "text" || ++formulas > MOST_FORMULAS) {
        const line = heading || bold ? text.indexOf("\n", piece.from) : -1;
        if (line >= 0 && line < piece.to) {
          say(piece.from, line);
          bold = heading = false;
          say(line, piece.to);
        } else say(piece.from, piece.to);
      } else if (piece.kind === "code") out.append(make("code", plain(text, piece.from, piece.to, hit), "block"));
      else {
        const node = formula(text, piece, hit), next = text[piece.e] || "";
        if (piece.kind === "inline" && /[.,;:!?)]/.test(next)) {  // punctuation stays on the line of its formula
          out.append(make("span", [node, next], "glue"));
          told = piece.e + 1;
        } else out.append(node);
      }
    }
    return out;
  };
})();

// An answer by itself: mathematics, unless it is words.
function readAnswer(text, raw) {
  const bare = text.replace(/\\(text|mbox|mathrm|operatorname)\w*\s*\{[^}]*\}|\\[a-zA-Z]+\*?/g, "");
  if (!raw && !/[A-Za-z]{3,}|\$/.test(bare)) {
    try { return make("div", [readMath(text, false, null)], "said"); } catch { /* its source is shown */ }
  }
  return make("div", visible(text), "said raw");
}
