// The sample browser: filters, search, a list that draws only what is in sight, and one doc in full.
"use strict";
(() => {
  const $ = id => document.getElementById(id);
  const root = document.documentElement;
  const GLYPHS = { correct: "✓", incorrect: "✗", no_answer: "∅", truncated: "✂", unparsable: "?", over_limit: "∞",
    gold_unreadable: "!", api_error: "–" };
  const ROW = 62, MORE = 6;  // pixels of a line of the list; lines drawn beyond the edges
  const words = JSON.parse($("words").textContent);

  $("theme").addEventListener("click", () => {
    const dark = getComputedStyle(root).colorScheme === "dark" ||
      (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
    root.dataset.theme = dark ? "light" : "dark";
  });

  const data = JSON.parse($("index").textContent);
  const total = data.doc.length;
  const chunks = [...document.querySelectorAll("script.chunk")], read = new Map();
  const state = { q: "", status: new Set(), tier: "", subject: "", level: "", task: "", run: "", disputed: false, differs: false, doc: 0 };
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
    const texts = [];
    for (let n = 0; n < chunks.length; n++) {
      for (const one of await chunk(n)) {
        const said = one.runs.flatMap(run => run ? run.responses.flatMap(r => [r.text, r.pred || "", r.reason]) : []);
        texts.push([data.doc[texts.length], one.q, one.gold, ...said].join("\n").toLowerCase());
      }
    }
    haystack = texts;
  }

  // ---- filters -----------------------------------------------------------------------------------------------
  function fits(doc) {
    const flags = data.flags[doc];
    if (state.disputed && !(flags & 1)) return false;
    if (state.differs && !(flags & 2)) return false;
    for (const key of ["task", "subject", "level"]) {
      if (state[key] && data[`${key}s`][data[key][doc]] !== state[key]) return false;
    }
    if (found && !found.has(doc)) return false;
    if (!state.status.size && !state.tier) return state.run === "" || data.marks[doc][state.run] !== null;
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
    shown = [];
    for (let doc = 0; doc < total; doc++) if (fits(doc)) shown.push(doc);
    $("count").textContent = shown.length === total ? `${total.toLocaleString("en")} problems` :
      `${shown.length.toLocaleString("en")} of ${total.toLocaleString("en")} problems`;
    $("space").style.height = `${shown.length * ROW}px`;
    $("nothing").hidden = shown.length > 0;
    if (shown.length && !shown.includes(state.doc)) state.doc = shown[0];
    reveal();
    draw(true);
    open();
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
    const marks = make("span", data.marks[doc].flatMap((m, run) => m ? [badge(m, run)] : []), "marks");
    node.append(marks, make("span", visible(data.title[doc]) || "(no text)", "title"), make("span", facts.join(" · "), "facts"));
    node.id = `line${doc}`;
    node.setAttribute("role", "option");
    node.setAttribute("aria-selected", String(doc === state.doc));
    node.style.top = `${place * ROW}px`;
    node.addEventListener("click", () => go(place, true));
    return node;
  }
  function badge(marks, run) {
    const status = data.statuses[marks[0]], right = data.statuses.indexOf("correct"), k = marks.length / 2;
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
    const title = make("h3", [`Problem ${visible(data.doc[doc])}`, make("small", factsOf(doc).join(" · "))]);
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
  function response(doc, one, run, number) {
    const at = picked.get(number) || 0, r = run.responses[at], marks = data.marks[doc][number];
    const status = data.statuses[marks[2 * at]], tier = data.tiers[marks[2 * at + 1]];
    const box = make("section", "", "response");
    if (data.runs.length > 1) box.append(make("h4", visible(data.runs[number]), `run c${number % 6}`));
    if (run.responses.length > 1) box.append(repeats(run, number, marks, at));
    const verdict = make("p", [make("i", `${GLYPHS[status]} ${words[status]}`, `badge ${status}`), ` ${visible(r.reason)}`], "verdict");
    const how = [tier ? `decided by ${visible(tier)}` : "not graded", r.pred === null ? "nothing extracted" : `extracted by rule ${visible(r.rule)}`];
    if (r.finish) how.push(`finish reason ${visible(r.finish)}`);
    if (run.own !== null) how.push(`the run's own grader: ${run.own === 1 ? "right" : run.own === 0 ? "wrong" : Math.round(100 * run.own) + " %"}`);
    box.append(verdict, make("p", how.join(" · "), "facts"));
    if (data.flags[doc] & 1) box.append(make("p", "The run's own grader and ours do not agree on this problem.", "note"));
    box.append(make("div", [answer("Extracted answer", r.pred, r.form || ""), answer("Reference answer", one.answer, one.form)], "answer"));
    if (r.out) box.append(make("p", `${r.out[1].toLocaleString("en")} characters from the middle are not in this page.`, "note"));
    box.append(make("h4", "Response"), r.text.trim() ? readText(r.text, r.span, raw) : make("p", "(empty)", "facts"));
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
  const KEYS = ["q", "tier", "subject", "level", "task", "run"], PREFIX = "#browse&";  // other addresses are sections
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
  function choices(id, names, label) {
    const select = $(id), values = names.map((name, i) => [id === "run" ? String(i) : name, visible(name)]);
    if (id !== "run") values.sort((a, b) => a[1].localeCompare(b[1], "en", { numeric: true }));
    select.append(new Option(label, ""), ...values.map(([value, text]) => new Option(text, value)));
    select.hidden = names.length < 2;
    select.addEventListener("change", () => { state[id] = select.value; filter(); });
  }
  choices("tier", data.tiers, "any tier");
  choices("subject", data.subjects, "all subjects");
  choices("level", data.levels, "all levels");
  choices("task", data.tasks, "all tasks");
  choices("run", data.runs, "any run");
  const counts = data.statuses.map(() => 0);
  for (const marks of data.marks) for (const run of marks) if (run) for (let i = 0; i < run.length; i += 2) counts[run[i]]++;
  data.statuses.forEach((status, i) => {
    if (!counts[i]) return;
    const button = make("button", `${GLYPHS[status]} ${words[status]} ${counts[i].toLocaleString("en")}`, `chip ${status}`);
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
