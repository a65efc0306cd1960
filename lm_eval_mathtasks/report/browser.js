// The sample browser: filters, search, a list that draws only what is in sight, and one doc in full.
"use strict";
(() => {
  const $ = id => document.getElementById(id);
  const root = document.documentElement;
  const GLYPHS = { correct: "✓", incorrect: "✗", no_answer: "∅", unfinished: "✂", unparsable: "?", over_limit: "∞",
    gold_unreadable: "!", api_error: "–" };
  const ROW = 62, MORE = 6, MANY = 4;  // pixels of a line of the list; lines drawn beyond the edges; badges in a line
  const words = JSON.parse($("words").textContent);

  $("theme").addEventListener("click", () => {
    const dark = getComputedStyle(root).colorScheme === "dark" ||
      (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
    root.dataset.theme = dark ? "light" : "dark";
  });

  const data = JSON.parse($("index").textContent);
  const total = data.doc.length;
  const chunks = [...document.querySelectorAll("script.chunk")], read = new Map();
  const state = { q: "", status: new Set(), tier: "", subject: "", level: "", task: "", run: "", order: "", disputed: false, differs: false, doc: 0 };
  const picked = new Map();  // which response of which run is open
  let shown = [], found = null, raw = false, haystack = null, wait = 0;

  // ---- texts, read when needed -------------------------------------------------------------------------------
  async function chunkText(node) {
    if (!node.dataset.packed) return node.textContent;
    const bytes = Uint8Array.from(atob(node.textContent), c => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  }
  function chunk(number) {
    if (!read.has(number)) read.set(number, chunkText(chunks[number]).then(JSON.parse));
    return read.get(number);
  }
  const detail = async doc => (await chunk(Math.floor(doc / data.chunk)))[doc % data.chunk];
  async function readAll() {
    if (haystack) return;
    const every = (await Promise.all(chunks.map((_, number) => chunk(number)))).flat();
    haystack = every.map((one, doc) => {
      const said = one.runs.flatMap(run => run ? run.responses.flatMap(r => [r.text, r.pred || "", r.reason]) : []);
      return [data.doc[doc], one.q, one.gold, ...said].join("\n").toLowerCase();
    });
  }

  // ---- filters -----------------------------------------------------------------------------------------------
  function chosen(doc) {  // by everything but the verdicts and the tier
    const flags = data.flags[doc];
    if ((state.disputed && !(flags & 1)) || (state.differs && !(flags & 2))) return false;
    for (const key of ["task", "subject", "level"]) {
      if (state[key] && data[`${key}s`][data[key][doc]] !== state[key]) return false;
    }
    if (found && !found.has(doc)) return false;
    return state.run === "" || data.marks[doc][state.run] !== null;
  }
  function fits(doc) {
    if (!state.status.size && !state.tier) return true;
    return data.marks[doc].some((marks, run) => marks && (state.run === "" || Number(state.run) === run) && marked(marks));
  }
  function marked(marks) {
    for (let i = 0; i < marks.length; i += 2) {
      const status = !state.status.size || state.status.has(data.statuses[marks[i]]);
      if (status && (!state.tier || data.tiers[marks[i + 1]] === state.tier)) return true;
    }
    return false;
  }
  async function search() {
    const turn = ++wait, parts = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    if (parts.length) {
      $("count").textContent = "searching …";
      await readAll();
      if (turn !== wait) return;
      found = new Set();
      haystack.forEach((text, doc) => { if (parts.every(part => text.includes(part))) found.add(doc); });
    } else found = null;
    filter();
  }
  function filter() {
    const those = [];
    for (let doc = 0; doc < total; doc++) if (chosen(doc)) those.push(doc);
    count(those);
    shown = those.filter(fits);
    const weight = ORDERS[state.order] || runOrder(state.order);
    if (weight) shown.sort((a, b) => weight(a) - weight(b) || a - b);
    $("count").textContent = shown.length === total ? `${total.toLocaleString("en")} problems` :
      `${shown.length.toLocaleString("en")} of ${total.toLocaleString("en")} problems`;
    $("space").style.height = `${shown.length * ROW}px`;
    $("nothing").hidden = shown.length > 0;
    if (shown.length && !shown.includes(state.doc)) state.doc = shown[0];
    reveal();
    draw(true);
    open();
  }

  // How many responses of the docs that the other filters leave have each verdict.
  function count(docs) {
    const counts = data.statuses.map(() => 0);
    for (const doc of docs) data.marks[doc].forEach((marks, run) => {
      if (!marks || (state.run !== "" && Number(state.run) !== run)) return;
      for (let i = 0; i < marks.length; i += 2) if (!state.tier || data.tiers[marks[i + 1]] === state.tier) counts[marks[i]]++;
    });
    for (const button of $("statuses").children) button.lastChild.textContent = ` ${counts[data.statuses.indexOf(button.value)].toLocaleString("en")}`;
  }
  const right = data.statuses.indexOf("correct");
  const share = marks => marks.filter((mark, i) => i % 2 === 0 && mark === right).length / (marks.length / 2);
  const mean = values => values.length ? values.reduce((a, b) => a + b) / values.length : 2;
  // Smaller first.
  const ORDERS = { longest: doc => -data.length[doc], shortest: doc => data.length[doc], worst: doc => mean(data.marks[doc].filter(Boolean).map(share)) };
  function runOrder(name) {
    const run = name.startsWith("run") ? Number(name.slice(3)) : NaN;
    return Number.isNaN(run) ? null : doc => data.marks[doc][run] ? share(data.marks[doc][run]) : 2;
  }

  // ---- the list ----------------------------------------------------------------------------------------------
  const drawn = new Map();
  function draw(again) {
    const list = $("list"), from = Math.max(0, Math.floor(list.scrollTop / ROW) - MORE);
    const to = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + MORE);
    for (const [place, node] of drawn) {
      if (again || place < from || place >= to) { node.remove(); drawn.delete(place); }
    }
    for (let place = from; place < to; place++) {
      if (drawn.has(place)) continue;
      const node = line(shown[place], place);
      drawn.set(place, node);
      $("space").append(node);
    }
  }
  function factsOf(doc) {
    const [task, subject, level] = ["task", "subject", "level"].map(key => visible(data[`${key}s`][data[key][doc]] || ""));
    return [data.tasks.length > 1 ? task : "", subject, /^\d/.test(level) ? `level ${level}` : level].filter(Boolean);
  }
  function line(doc, place) {
    const node = make("div", "", "line"), facts = factsOf(doc);
    facts.push(`no. ${visible(data.doc[doc])}`);
    const marks = make("span", badges(doc), "marks");
    node.append(marks, make("span", visible(data.title[doc]) || "(no text)", "title"), make("span", facts.join(" · "), "facts"));
    node.id = `line${doc}`;
    node.setAttribute("role", "option");
    node.setAttribute("aria-selected", String(doc === state.doc));
    node.style.top = `${place * ROW}px`;
    node.addEventListener("click", () => go(place, true));
    return node;
  }
  // A badge a run; of many runs one badge, which counts those that are right.
  function badges(doc) {
    const there = data.marks[doc].flatMap((m, run) => m ? [[m, run]] : []);
    if (there.length <= MANY) return there.map(([m, run]) => badge(m, run));
    const hits = there.filter(([m]) => share(m) >= 0.5).length;
    const node = make("i", `${hits}/${there.length}`, `badge many ${2 * hits >= there.length ? "correct" : "incorrect"}`);
    node.title = `${hits} of ${there.length} runs correct`;
    return [node];
  }
  function badge(marks, run) {
    const status = data.statuses[marks[0]], k = marks.length / 2;
    const hits = marks.filter((mark, i) => i % 2 === 0 && mark === right).length;
    const node = make("i", k > 1 ? `${hits}/${k}` : GLYPHS[status], `badge ${k > 1 ? (2 * hits >= k ? "many correct" : "many incorrect") : status}`);
    node.title = `${visible(data.runs[run])}: ${k > 1 ? `${hits} of ${k} correct` : words[status]}`;
    return node;
  }
  function reveal() {
    const list = $("list"), top = shown.indexOf(state.doc) * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
  }
  function go(place, reading) {
    if (!shown.length) return;
    state.doc = shown[Math.max(0, Math.min(shown.length - 1, place))];
    picked.clear();
    if (reading) $("samples").classList.add("reading");
    reveal();
    draw(true);
    open();
  }

  // ---- one doc -----------------------------------------------------------------------------------------------
  async function open() {
    remember();
    const doc = state.doc, pane = $("doc");
    $("list").setAttribute("aria-activedescendant", `line${doc}`);
    if (!shown.length) { pane.replaceChildren(); return; }
    const one = await detail(doc);
    if (doc !== state.doc) return;
    const title = make("h3", [`Problem ${visible(data.doc[doc])}`, make("small", factsOf(doc).join(" · ")), take(doc, one)]);
    const runs = one.runs.map((run, number) => run && response(doc, one, run, number)).filter(Boolean);
    const whole = make("details", [make("summary", "Reference solution"), readText(one.gold, null, raw)]);
    pane.replaceChildren(title, readText(one.q, null, raw), ...(one.gold === one.answer ? [] : [whole]), make("div", runs, "answers"));
    pane.scrollTop = 0;
  }
  // An answer as written, and how the grader understands it: the first line of its form is the cleaned text.
  function answer(label, text, form) {
    const box = make("div", [make("h4", label)]);
    if (text === null) box.append(make("p", "nothing", "facts"));
    else {
      const [clean, ...readings] = form.split("\n").map(line => line.trim());
      const lines = readings.every(line => line === text) && clean === text ? [] : [...new Set([clean, ...readings])];
      box.append(readAnswer(text, raw));
      if (lines.length) box.append(make("pre", visible(lines.join("\n")), "form"));
    }
    return box;
  }
  // One sample as JSON, and what the filters leave as a sheet.
  function sample(doc, one) {
    const runs = one.runs.map((run, number) => run && { run: data.runs[number], own_score: run.own, prompt: prompt(run),
      responses: run.responses.map((r, at) => ({ status: data.statuses[data.marks[doc][number][2 * at]], answer: r.pred,
        rule: r.rule, reason: r.reason, finish_reason: r.finish, took: r.took, response: r.text, characters_left_out: r.out ? r.out[1] : 0 })) });
    return { task: data.tasks[data.task[doc]], doc_id: data.doc[doc], question: one.q, reference: one.gold, gold: one.answer, runs: runs.filter(Boolean) };
  }
  function save(text, name, type) {
    const link = make("a", "");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
  async function copy(text) {
    try { await navigator.clipboard.writeText(text); } catch {
      const area = make("textarea", text);
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  }
  function take(doc, one) {
    const text = () => JSON.stringify(sample(doc, one), null, 1), name = `${data.tasks[data.task[doc]]}-${data.doc[doc]}`.replace(/[^\w.-]+/g, "_");
    const buttons = [["Copy JSON", () => copy(text())], ["Download JSON", () => save(text(), `${name}.json`, "application/json")]];
    return make("span", buttons.map(([label, act]) => {
      const button = make("button", label, "plain");
      button.type = "button";
      button.addEventListener("click", () => { act(); button.textContent = "Done"; setTimeout(() => { button.textContent = label; }, 1200); });
      return button;
    }), "take");
  }
  // A cell that a sheet would run as a formula starts with an apostrophe, as in `mathtasks report --format csv`.
  function cell(value) {
    if (typeof value !== "string") return value === null || value === undefined ? "" : String(value);
    const formula = /^[=+@\t\r]/.test(value) || (value.startsWith("-") && Number.isNaN(Number(value)));
    return `"${((formula ? "'" : "") + value).replaceAll('"', '""')}"`;
  }
  async function sheet() {
    const lines = [["run", "task", "doc_id", "repeat", "subject", "level", "status", "tier", "own_score", "pred", "gold", "rule", "reason", "finish_reason", "question", "response"]];
    for (const doc of shown) {
      const one = await detail(doc), about = [data.tasks[data.task[doc]], data.doc[doc]];
      one.runs.forEach((run, number) => {
        if (!run || (state.run !== "" && Number(state.run) !== number)) return;
        run.responses.forEach((r, at) => {
          const marks = data.marks[doc][number].slice(2 * at, 2 * at + 2);
          if ((state.status.size || state.tier) && !marked(marks)) return;
          lines.push([data.runs[number], ...about, at, data.subjects[data.subject[doc]], data.levels[data.level[doc]], data.statuses[marks[0]],
            data.tiers[marks[1]], run.own, r.pred, one.answer, r.rule, r.reason, r.finish, one.q, r.text]);
        });
      });
    }
    save(lines.map(line => line.map(cell).join(",")).join("\n") + "\n", "samples.csv", "text/csv");
  }
  $("sheet").addEventListener("click", sheet);

  // The prompt as it was sent: a conversation as its turns, else the text.
  const prompt = run => run.asked && (run.asked[0] < 0 ? "" : data.leads[run.asked[0]]) + run.asked[1];
  const spoken = content => typeof content === "string" ? content : JSON.stringify(content);
  function asked(run) {
    const text = prompt(run);
    if (!text) return [];
    let turns = null;
    try { turns = JSON.parse(text); } catch { /* a text */ }
    const chat = Array.isArray(turns) && turns.every(turn => turn && typeof turn.role === "string");
    const parts = chat ? turns.flatMap(turn => [make("h5", visible(turn.role)), make("pre", visible(spoken(turn.content ?? turn.prompt)))])
      : [make("pre", visible(typeof turns === "string" ? turns : text))];
    return [make("details", [make("summary", chat ? `Prompt as sent: ${turns.length} message${turns.length > 1 ? "s" : ""}` : "Prompt as sent"), ...parts], "asked")];
  }
  function tookWords(took) {
    if (!took) return [];
    const words = [];
    if (took.prompt_tokens !== null || took.completion_tokens !== null) words.push(`${took.prompt_tokens ?? "?"} + ${took.completion_tokens ?? "?"} tokens`);
    if (took.seconds !== null) words.push(`${took.seconds} s`);
    if (took.cost !== null) words.push(`cost ${took.cost}`);
    return words;
  }
  function response(doc, one, run, number) {
    const at = picked.get(number) || 0, r = run.responses[at], marks = data.marks[doc][number];
    const status = data.statuses[marks[2 * at]], tier = data.tiers[marks[2 * at + 1]];
    const box = make("section", "", "response");
    if (data.runs.length > 1) box.append(make("h4", visible(data.runs[number]), `run c${number}`));
    if (run.responses.length > 1) box.append(repeats(run, number, marks, at));
    const verdict = make("p", [make("i", `${GLYPHS[status]} ${words[status]}`, `badge ${status}`), ` ${visible(r.reason)}`], "verdict");
    const how = [tier ? `decided by ${visible(tier)}` : "not graded", r.pred === null ? "nothing extracted" : `extracted by rule ${visible(r.rule)}`];
    if (r.finish) how.push(`finish reason ${visible(r.finish)}`);
    how.push(...tookWords(r.took));
    if (run.own !== null) how.push(`${data.ours[data.task[doc]] ? "our grader when it ran" : "the run's own grader"}: ${run.own === 1 ? "right" : run.own === 0 ? "wrong" : Math.round(100 * run.own) + " %"}`);
    box.append(verdict, make("p", how.join(" · "), "facts"));
    const whose = data.ours[data.task[doc]] ? "Our grader as it is now and as it was when it ran" : "The run's own grader and ours";
    if (data.flags[doc] & 1) box.append(make("p", `${whose} do not agree on this problem.`, "note"));
    box.append(make("div", [answer("Extracted answer", r.pred, r.form || ""), answer("Reference answer", one.answer, one.form)], "answer"));
    if (r.out) box.append(make("p", `${r.out[1].toLocaleString("en")} characters from the middle are not in this page.`, "note"));
    box.append(...asked(run), make("h4", "Response"), r.text.trim() ? readText(r.text, r.span, raw) : make("p", "(empty)", "facts"));
    return box;
  }
  function repeats(run, number, marks, at) {
    return make("div", run.responses.map((_, i) => {
      const status = data.statuses[marks[2 * i]], button = make("button", `${i + 1} ${GLYPHS[status]}`, `badge ${status}`);
      button.title = words[status];
      button.setAttribute("aria-pressed", String(i === at));
      button.addEventListener("click", () => { picked.set(number, i); open(); });
      return button;
    }), "repeats");
  }

  // ---- the address holds the state -----------------------------------------------------------------------------
  const KEYS = ["q", "tier", "subject", "level", "task", "run", "order"], PREFIX = "#browse&";  // other addresses are sections
  function remember() {
    const kept = new URLSearchParams();
    for (const key of KEYS) if (state[key]) kept.set(key, state[key]);
    if (state.status.size) kept.set("status", [...state.status].join(","));
    for (const key of ["disputed", "differs"]) if (state[key]) kept.set(key, "1");
    if (state.doc) kept.set("doc", state.doc);
    if (!kept.size && !location.hash.startsWith(PREFIX)) return;
    if (PREFIX + kept !== location.hash) history.replaceState(null, "", PREFIX + kept);
  }
  function recall() {
    const ours = location.hash.startsWith(PREFIX), kept = new URLSearchParams(ours ? location.hash.slice(PREFIX.length) : "");
    if (ours) $("samples").scrollIntoView();
    for (const key of KEYS) state[key] = kept.get(key) || "";
    state.status = new Set((kept.get("status") || "").split(",").filter(status => data.statuses.includes(status)));
    for (const key of ["disputed", "differs"]) state[key] = kept.get(key) === "1";
    state.doc = Math.min(Math.max(0, Math.floor(Number(kept.get("doc"))) || 0), total - 1);
    show();
    return search();
  }
  function show() {
    for (const key of KEYS) {
      $(key).value = state[key];
      if ($(key).value !== state[key]) state[key] = $(key).value = "";  // not a choice of this page
    }
    for (const key of ["disputed", "differs"]) $(key).checked = state[key];
    for (const button of $("statuses").children) button.setAttribute("aria-pressed", String(state.status.has(button.value)));
  }

  // ---- controls --------------------------------------------------------------------------------------------------
  function choices(id, label) {
    const select = $(id), names = data[`${id}s`], values = names.map((name, i) => [id === "run" ? String(i) : name, visible(name)]);
    if (id !== "run") values.sort((a, b) => a[1].localeCompare(b[1], "en", { numeric: true }));
    select.append(new Option(label, ""), ...values.map(([value, text]) => new Option(text, value)));
    select.hidden = names.length < 2;
    select.addEventListener("change", () => { state[id] = select.value; filter(); });
  }
  const ALL = { tier: "any tier", subject: "all subjects", level: "all levels", task: "all tasks", run: "any run" };
  for (const id in ALL) choices(id, ALL[id]);
  const orders = [["", "in order"], ["longest", "longest first"], ["shortest", "shortest first"], ["worst", "lowest score first"]];
  if (data.runs.length > 1) data.runs.forEach((name, i) => orders.push([`run${i}`, `lowest first in ${visible(name)}`]));
  $("order").append(...orders.map(([value, text]) => new Option(text, value)));
  $("order").addEventListener("change", () => { state.order = $("order").value; filter(); go(0, false); });
  const seen = new Set(data.marks.flatMap(marks => marks.flatMap(run => run ? run.filter((_, i) => i % 2 === 0) : [])));
  data.statuses.forEach((status, i) => {
    if (!seen.has(i)) return;
    const button = make("button", [make("span", GLYPHS[status], "glyph"), ` ${words[status]}`, make("span", "")], `chip ${status}`);
    button.value = status;
    button.type = "button";
    button.addEventListener("click", () => {
      if (!state.status.delete(status)) state.status.add(status);
      show();
      filter();
    });
    $("statuses").append(button);
  });
  for (const [key, bit] of [["disputed", 1], ["differs", 2]]) {
    $(key).addEventListener("change", () => { state[key] = $(key).checked; filter(); });
    $(key).parentElement.hidden = !data.flags.some(flags => flags & bit);
  }
  let pause = 0;
  $("q").addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => { state.q = $("q").value; search(); }, 180);
  });
  $("raw").addEventListener("change", () => { raw = $("raw").checked; open(); });
  $("back").addEventListener("click", () => $("samples").classList.remove("reading"));
  $("list").addEventListener("scroll", () => requestAnimationFrame(() => draw(false)), { passive: true });
  addEventListener("resize", () => draw(false));
  addEventListener("hashchange", () => { if (location.hash.startsWith(PREFIX)) recall(); });
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, summary, button")) return;
    if (event.target.matches("input[type=search]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const inside = event.target.closest("#samples"), place = shown.indexOf(state.doc), page = Math.max(1, Math.floor($("list").clientHeight / ROW) - 1);
    const steps = { j: 1, k: -1, ...(inside && event.target.id !== "doc" ? { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -total, End: total } : {}) };
    if (event.key === "/") $("q").focus();
    else if (event.key === "r") $("raw").click();
    else if (Object.hasOwn(steps, event.key)) go(place + steps[event.key], event.key === "j" || event.key === "k");
    else return;
    event.preventDefault();
  });
  recall().then(() => performance.mark("ready"));
})();
