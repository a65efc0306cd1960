// LaTeX, as models write it, to MathML. Nothing but elements made here comes out, with text inside: text of a model
// can not become markup. A formula that is not understood throws, and the page shows its source instead.
"use strict";
const readMath = (() => {
  const MOST_CHARS = 4000, MOST_DEPTH = 40;
  const el = (tag, children = [], attributes = {}) => {
    const node = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  const row = (nodes, attributes) => nodes.length === 1 && !attributes ? nodes[0] : el("mrow", nodes, attributes);
  const mo = (text, attributes) => el("mo", [text], attributes);
  const words = list => Object.fromEntries(list.trim().split(/\s+/).map(pair => {
    const cut = pair.indexOf("=");
    return [pair.slice(0, cut), pair.slice(cut + 1)];
  }));
  const LETTERS = words(`alpha=α beta=β gamma=γ delta=δ epsilon=ϵ varepsilon=ε zeta=ζ eta=η theta=θ vartheta=ϑ iota=ι
    kappa=κ lambda=λ mu=μ nu=ν xi=ξ omicron=ο pi=π varpi=ϖ rho=ρ varrho=ϱ sigma=σ varsigma=ς tau=τ upsilon=υ phi=ϕ
    varphi=φ chi=χ psi=ψ omega=ω Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Xi=Ξ Pi=Π Sigma=Σ Upsilon=Υ Phi=Φ Psi=Ψ Omega=Ω
    ell=ℓ hbar=ℏ infty=∞ emptyset=∅ varnothing=∅ aleph=ℵ Re=ℜ Im=ℑ imath=ı jmath=ȷ partial=∂ nabla=∇ forall=∀
    exists=∃ nexists=∄ angle=∠ measuredangle=∡ triangle=△ square=□ Box=□ blacksquare=■ diamond=⋄ star=⋆ bigstar=★
    degree=° prime=′ top=⊤ bot=⊥ dots=… ldots=… cdots=⋯ vdots=⋮ ddots=⋱ dotsc=… dotsb=⋯ checkmark=✓ dagger=†
    pounds=£ euro=€ copyright=© S=§ P=¶ heartsuit=♡ spadesuit=♠ clubsuit=♣ diamondsuit=♢ wp=℘ lozenge=◊ mho=℧`);
  const OPERATORS = words(`times=× cdot=⋅ div=÷ pm=± mp=∓ ast=∗ circ=∘ bullet=∙ oplus=⊕ otimes=⊗ odot=⊙ ominus=⊖
    le=≤ leq=≤ leqslant=⩽ ge=≥ geq=≥ geqslant=⩾ ne=≠ neq=≠ lt=< gt=> ll=≪ gg=≫ equiv=≡ approx=≈ sim=∼ simeq=≃ cong=≅
    propto=∝ in=∈ notin=∉ ni=∋ subset=⊂ subseteq=⊆ subsetneq=⊊ supset=⊃ supseteq=⊇ cup=∪ cap=∩ setminus=∖ smallsetminus=∖
    land=∧ wedge=∧ lor=∨ vee=∨ lnot=¬ neg=¬ to=→ rightarrow=→ leftarrow=← gets=← leftrightarrow=↔ Rightarrow=⇒
    Leftarrow=⇐ Leftrightarrow=⇔ implies=⟹ impliedby=⟸ iff=⟺ Longrightarrow=⟹ longrightarrow=⟶ longleftarrow=⟵
    Longleftrightarrow=⟺ mapsto=↦ longmapsto=⟼ uparrow=↑ downarrow=↓ updownarrow=↕ nearrow=↗ searrow=↘ hookrightarrow=↪
    rightleftharpoons=⇌ therefore=∴ because=∵ perp=⟂ parallel=∥ nparallel=∦ mid=∣ nmid=∤ colon=: models=⊨ vdash=⊢
    doteq=≐ asymp=≍ prec=≺ succ=≻ preceq=⪯ succeq=⪰ triangleq=≜ coloneqq=≔ surd=√ backslash=\\ ltimes=⋉ rtimes=⋊
    sqcup=⊔ sqcap=⊓ uplus=⊎ amalg=⨿ wr=≀ centerdot=⋅ nleq=≰ ngeq=≱ lesssim=≲ gtrsim=≳ bowtie=⋈ smile=⌣ frown=⌢ Join=⋈ bigcirc=◯ swarrow=↙ nwarrow=↖ bigtriangleup=△ bigtriangledown=▽
    vert=| Vert=‖ lvert=| rvert=| lVert=‖ rVert=‖ langle=⟨ rangle=⟩ lfloor=⌊ rfloor=⌋ lceil=⌈ rceil=⌉ lbrace={ rbrace=}
    lbrack=[ rbrack=] lgroup=( rgroup=) sphericalangle=∢ complement=∁ dotsm=⋯ rightharpoonup=⇀ leqq=≦ geqq=≧`);
  const BIG = words(`sum=∑ prod=∏ coprod=∐ int=∫ iint=∬ iiint=∭ oint=∮ bigcup=⋃ bigcap=⋂ bigoplus=⨁ bigotimes=⨂
    bigwedge=⋀ bigvee=⋁ bigsqcup=⨆`);
  const BESIDE = new Set(["int", "iint", "iiint", "oint"]);
  const NAMES = new Set(`sin cos tan cot sec csc arcsin arccos arctan arccot sinh cosh tanh coth log ln lg exp det dim ker
    deg arg hom max min sup inf lim limsup liminf gcd lcm Pr mod`.split(/\s+/));
  const LIMITS = new Set(["max", "min", "sup", "inf", "lim", "limsup", "liminf", "gcd", "lcm", "Pr", "det"]);
  const ACCENTS = words(`hat=^ widehat=^ bar=¯ overline=‾ vec=→ overrightarrow=→ overleftarrow=← overleftrightarrow=↔ dot=˙
    ddot=¨ tilde=~ widetilde=~ check=ˇ breve=˘ overarc=⌒ wideparen=⌒ overbrace=⏞ mathring=˚ acute=´ grave=\``);
  const BELOW = words("underline=_ underbrace=⏟ underbar=_");
  const SPACES = { ",": 0.17, ":": 0.22, ">": 0.22, ";": 0.28, " ": 0.25, quad: 1, qquad: 2, "!": -0.17, enspace: 0.5,
    thinspace: 0.17, medspace: 0.22, thickspace: 0.28, negthinspace: -0.17, space: 0.25, nobreakspace: 0.25 };
  const TEXTS = new Set("text textbf textit textrm textsf texttt textnormal textup emph mbox hbox textsc".split(" "));
  const IGNORED = new Set(`displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits nonumber notag hline
    allowbreak break newline rm bf it sf tt cal boldmath normalsize small large Large centering noindent left. strut
    mathstrut relax protect smallskip medskip bigskip nobreak hfill par cr midrule toprule bottomrule`.split(/\s+/));
  const DROPPED = { label: 1, hspace: 1, vspace: 1, color: 1, phantom: 1, hphantom: 1, vphantom: 1, cline: 1, "hspace*": 1,
    kern: 0, mskip: 0 };
  const FONTS = { mathbb: 0x1d538, Bbb: 0x1d538, mathbf: 0x1d400, bold: 0x1d400, bm: 0x1d400, boldsymbol: 0x1d400, pmb: 0x1d400,
    mathcal: 0x1d49c, mathscr: 0x1d49c, mathfrak: 0x1d504, mathsf: 0x1d5a0, mathtt: 0x1d670, mathit: 0, mathrm: -1,
    mathnormal: 0, operatorname: -1, "operatorname*": -1, mathop: -2, mathbin: -2, mathrel: -2, mathord: -2, mathopen: -2,
    mathclose: -2, mathpunct: -2, mathinner: -2, ensuremath: -2, smash: -2, mathstrut: -2, displaylines: -2, textcolor: -3 };
  const HOLES = { 0x1d53a: "ℂ", 0x1d53f: "ℍ", 0x1d545: "ℕ", 0x1d547: "ℙ", 0x1d548: "ℚ", 0x1d549: "ℝ", 0x1d551: "ℤ",
    0x1d49d: "ℬ", 0x1d4a0: "ℰ", 0x1d4a1: "ℱ", 0x1d4a3: "ℋ", 0x1d4a4: "ℐ", 0x1d4a7: "ℒ", 0x1d4a8: "ℳ", 0x1d4ad: "ℛ",
    0x1d4ba: "ℯ", 0x1d4bc: "ℊ", 0x1d4c4: "ℴ", 0x1d506: "ℭ", 0x1d50b: "ℌ", 0x1d50c: "ℑ", 0x1d515: "ℜ", 0x1d51d: "ℨ" };
  const FENCES = { pmatrix: "()", bmatrix: "[]", Bmatrix: "{}", vmatrix: "||", Vmatrix: "‖‖" };

  function lex(source) {
    const tokens = [], pattern = /\\((?:operatorname|hspace|vspace)\*|[a-zA-Z]+|[\s\S])|%[^\n]*(?:\n|$)|\s+|\d+(?:\{?,\}?\d{3}(?!\d))*(?:\.\d+)?|\.\d+|[\s\S]/uy;
    for (let match; pattern.lastIndex < source.length && (match = pattern.exec(source));) {
      const [text, command] = match, s = match.index, e = pattern.lastIndex;
      if (command !== undefined) tokens.push({ t: "\\", v: command.replace(/^\s$/, " "), s, e });
      else if (/^[\d.]/.test(text) && text !== ".") tokens.push({ t: "n", v: text.replace(/[{}]/g, ""), s, e });
      else if (/^%/.test(text)) continue;
      else tokens.push({ t: /^\s/.test(text) ? " " : text, v: text, s, e });
    }
    return tokens;
  }

  class Reader {
    constructor(source, display, hit) {
      Object.assign(this, { source, display, hit, at: 0, depth: 0, tokens: lex(source) });
    }
    blank() { while (this.tokens[this.at]?.t === " ") this.at++; }
    peek() { this.blank(); return this.tokens[this.at]; }
    is(t, v) { const next = this.peek(); return !!next && next.t === t && (v === undefined || next.v === v); }
    take(t) {
      const next = this.peek();
      if (!next || (t && next.t !== t)) throw new Error(`expected ${t || "more"}`);
      this.at++;
      return next;
    }
    // The nodes up to (not including) a token that `stop` accepts; those inside the extraction are marked together.
    nodes(stop) {
      if (++this.depth > MOST_DEPTH) throw new Error("too deep");
      const placed = [];
      for (let next; (next = this.peek()) && !stop(next);) {
        if (next.t === "\\" && (next.v === "over" || next.v === "choose")) {  // {a \over b}
          this.at++;
          const parts = [row(this.marked(placed)), row(this.nodes(stop))];
          this.depth--;
          return next.v === "over" ? [el("mfrac", parts)] : [mo("("), el("mfrac", parts, { linethickness: "0" }), mo(")")];
        }
        const node = this.scripted();
        if (!node) continue;
        // A sign behind an operator or an opening bracket is a sign, not a subtraction.
        const last = placed.at(-1)?.node;
        if (/^[−+±∓]$/.test(node.textContent) && last?.localName === "mo" && !/^[)\]}|!′]$/.test(last.textContent)) node.setAttribute("form", "prefix");
        placed.push({ node, s: next.s, e: this.tokens[this.at - 1].e });
      }
      this.depth--;
      return this.marked(placed);
    }
    marked(placed) {
      const nodes = placed.map(p => p.node), [s, e] = this.hit || [1, 0];
      const inside = placed.filter(p => p.s >= s && p.e <= e);
      if (!inside.length) return nodes;
      this.hit = null;  // the innermost row that holds it is read first
      const from = placed.indexOf(inside[0]);
      nodes.splice(from, inside.length, el("mrow", inside.map(p => p.node), { class: "hit" }));
      return nodes;
    }
    group() {  // a braced group, or the one token that stands in for it
      if (!this.is("{")) {
        const next = this.peek();
        if (next?.t === "n" && next.v.length > 1) {  // \frac12 is 1 over 2
          this.tokens.splice(this.at, 1, ...[...next.v].map((v, i) => ({ t: "n", v, s: next.s + i, e: next.s + i + 1 })));
        }
        return this.atom() || row([]);
      }
      this.at++;
      const inside = this.nodes(next => next.t === "}");
      this.take("}");
      return row(inside);
    }
    raw() {  // the source of a braced group
      const open = this.take("{");
      let level = 1, last = open;
      while (level) {
        last = this.tokens[this.at++];
        if (!last) throw new Error("unclosed brace");
        level += (last.t === "{") - (last.t === "}");
      }
      return this.source.slice(open.e, last.s);
    }
    scripted() {
      let base = this.atom();
      const limits = base?.limits;
      let sub = null, sup = null, primes = "";
      for (;;) {
        if (this.is("'")) { this.at++; primes += "′"; }
        else if (this.is("\\", "limits") || this.is("\\", "nolimits")) this.at++;
        else if (this.is("_") && !sub) { this.at++; sub = this.group(); }
        else if (this.is("^") && !sup) { this.at++; sup = this.group(); }
        else break;
      }
      if (primes) sup = sup ? row([mo(primes), sup]) : mo(primes);
      if (!sub && !sup) return base;
      base = base || row([]);
      const [both, under, over] = limits && this.display ? ["munderover", "munder", "mover"] : ["msubsup", "msub", "msup"];
      return sub && sup ? el(both, [base, sub, sup]) : sub ? el(under, [base, sub]) : el(over, [base, sup]);
    }
    atom() {
      const next = this.take();
      if (next.t === "n") return el("mn", [next.v]);
      if (next.t === "{") {
        this.at--;
        return this.group();
      }
      if (next.t === "\\") return this.command(next.v);
      if ("_^".includes(next.t)) { this.at--; return row([]); }
      if ("}&$#".includes(next.t)) throw new Error(`stray ${next.t}`);
      if (next.t === "~") return el("mspace", [], { width: "0.25em" });
      if (/\p{L}/u.test(next.v)) return el("mi", [next.v]);
      if (next.v === "-") return mo("−");
      if ("()[]|/".includes(next.v)) return mo(next.v, { stretchy: "false" });
      return mo(visible(next.v));
    }
    command(name) {
      if (Object.hasOwn(LETTERS, name)) return el("mi", [LETTERS[name]]);
      if (Object.hasOwn(OPERATORS, name)) return mo(OPERATORS[name], /vert|Vert|mid|floor|ceil|angle$|brac/.test(name) ? { stretchy: "false" } : {});
      if (Object.hasOwn(SPACES, name)) return el("mspace", [], { width: `${SPACES[name]}em` });
      if (Object.hasOwn(BIG, name)) return Object.assign(mo(BIG[name]), { limits: !BESIDE.has(name) });
      if (NAMES.has(name)) return Object.assign(el("mi", [name]), { limits: LIMITS.has(name) });
      if (IGNORED.has(name)) return null;
      if ("{}%$#&_".includes(name)) return mo(name, { stretchy: "false" });
      if (name === "|") return mo("‖", { stretchy: "false" });
      if (TEXTS.has(name)) return this.text();
      if (Object.hasOwn(FONTS, name)) return this.font(FONTS[name]);
      if (Object.hasOwn(DROPPED, name)) { if (DROPPED[name]) this.raw(); return null; }
      if (Object.hasOwn(ACCENTS, name)) return Object.assign(el("mover", [this.group(), mo(ACCENTS[name])], { accent: "true" }), { limits: name === "overbrace" });
      if (Object.hasOwn(BELOW, name)) return Object.assign(el("munder", [this.group(), mo(BELOW[name])]), { limits: name === "underbrace" });
      if (/^[dtc]?frac$/.test(name)) return el("mfrac", [this.group(), this.group()]);
      if (/^[dt]?binom$/.test(name)) return row([mo("("), el("mfrac", [this.group(), this.group()], { linethickness: "0" }), mo(")")]);
      if (name === "sqrt") return this.root();
      if (name === "boxed" || name === "fbox" || name === "framebox") return row([this.group()], { class: "boxed" });
      if (/^[bxs]?cancel$/.test(name)) return row([this.group()], { class: "struck" });
      if (name === "overset" || name === "stackrel") { const over = this.group(); return el("mover", [this.group(), over]); }
      if (name === "underset") { const below = this.group(); return el("munder", [this.group(), below]); }
      if (name === "left") return this.fenced();
      if (name === "middle") return mo(this.delimiter());
      if (/^[bB]igg?[lrm]?$/.test(name)) return mo(this.delimiter(), { class: "big", stretchy: "false" });
      if (name === "not") { const next = this.atom(); next.textContent += "\u0338"; return next; }
      if (name === "pmod" || name === "pod") return row([el("mspace", [], { width: "0.5em" }), mo("("), el("mi", [name === "pod" ? "" : "mod "]), this.group(), mo(")")]);
      if (name === "bmod") return mo("mod");
      if (name === "tag") return el("mtext", [` (${visible(this.raw())})`]);
      if (name === "begin") return this.environment();
      if (name === "cancelto") { const to = this.group(); return el("msup", [row([this.group()], { class: "struck" }), to]); }
      if (name === "multicolumn") { this.raw(); this.raw(); return this.group(); }
      if (name === "xrightarrow") return el("mover", [mo("→"), this.group()]);
      throw new Error(`\\${name}`);
    }
    text() {
      const raw = this.is("{") ? this.raw() : this.take().v;
      const parts = raw.split(/\$([^$]*)\$/);  // mathematics inside text
      return row(parts.map((part, i) => i % 2 ? new Reader(part, false).all() :
        el("mtext", [visible(part.replace(/\\([%$#&_{} ])/g, "$1").replace(/^ | $|~/g, "\u00a0"))])));
    }
    font(base) {
      if (base === -3) this.raw();  // a colour
      const inside = this.group();
      for (const leaf of base === -2 || base === -3 ? [] : [inside, ...inside.querySelectorAll("mi,mn")]) {
        if (leaf.localName !== "mi" && leaf.localName !== "mn") continue;
        if (base <= 0) { if (base) leaf.setAttribute("mathvariant", "normal"); continue; }
        leaf.textContent = [...leaf.textContent].map(c => styled(c, base)).join("");
      }
      if (base === -1 && inside.localName === "mrow" && [...inside.children].every(c => c.localName === "mi")) {
        return el("mi", [inside.textContent], { mathvariant: "normal" });  // one upright word
      }
      return inside;
    }
    root() {
      if (!this.is("[")) return el("msqrt", [this.group()]);
      this.at++;
      const degree = row(this.nodes(next => next.t === "]"));
      this.take("]");
      return el("mroot", [this.group(), degree]);
    }
    delimiter() {
      const next = this.take();
      if (next.t !== "\\") return next.v === "." ? "" : visible(next.v);
      if (Object.hasOwn(OPERATORS, next.v)) return OPERATORS[next.v];
      if (next.v === "|") return "‖";
      if ("{}".includes(next.v)) return next.v;
      throw new Error("delimiter");
    }
    fenced() {
      const open = this.delimiter();
      const inside = this.nodes(next => next.t === "\\" && next.v === "right");
      this.take();
      return row([mo(open, { fence: "true", form: "prefix" }), ...inside, mo(this.delimiter(), { fence: "true", form: "postfix" })]);
    }
    environment() {
      const name = this.raw().replace("*", "");
      if (name === "array" || name === "tabular" || name === "alignedat" || name === "alignat") this.raw();
      if (this.is("[")) { while (!this.is("]")) this.take(); this.take(); }
      const table = this.table(next => next.t === "\\" && next.v === "end", /align|split|cases|eqnarray|gather/.test(name));
      this.take();
      this.raw();
      if (name === "cases") return row([mo("{", { fence: "true", form: "prefix" }), table]);
      const [open, close] = FENCES[name] || [];
      return open ? row([mo(open, { fence: "true" }), table, mo(close, { fence: "true" })]) : table;
    }
    table(stop, aligned) {
      const rows = [[]];
      for (;;) {
        rows[rows.length - 1].push(this.nodes(n => stop(n) || n.t === "&" || (n.t === "\\" && (n.v === "\\" || n.v === "cr"))));
        const next = this.peek();
        if (!next || stop(next)) break;
        this.at++;
        if (next.t === "\\") {
          if (this.tokens[this.at]?.t === "[") { while (this.take().t !== "]"); }
          rows.push([]);
        }
      }
      if (rows.length > 1 && rows.at(-1).every(cell => !cell.length)) rows.pop();
      return el("mtable", rows.map(cells => el("mtr", cells.map(cell => el("mtd", cell)))), { class: aligned ? "aligned" : "grid" });
    }
    all() {
      const table = this.table(() => false, true);
      const [first, ...others] = table.children;
      if (others.length || first.children.length > 1) return table;
      return row([...first.firstChild.childNodes]);
    }
  }

  function styled(c, base) {
    const code = c.codePointAt(0);
    const letter = c >= "A" && c <= "Z" ? code - 65 : c >= "a" && c <= "z" ? code - 71 : -1;
    if (letter >= 0) return HOLES[base + letter] || String.fromCodePoint(base + letter);
    const digits = { 0x1d400: 0x1d7ce, 0x1d538: 0x1d7d8 }[base];
    return digits && /\d/.test(c) ? String.fromCodePoint(digits + Number(c)) : c;
  }

  // hit: [start, end) in `source` of what was extracted, or null.
  return (source, display, hit) => {
    if (source.length > MOST_CHARS) throw new Error("too long");
    const reader = new Reader(source, display, hit);
    const body = reader.all();
    return el("math", [body], { display: display ? "block" : "inline" });
  };
})();
