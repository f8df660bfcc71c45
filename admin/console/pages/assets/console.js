// What makes the console quicker to use. Every page works without it. It writes text only as text: the page's policy
// (trusted-types 'none') lets nothing become markup.
"use strict";
(() => {
  const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));
  const one = (selector, from = document) => from.querySelector(selector);

  function make(tag, properties = {}, ...children) {
    const e = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in e) e[name] = value; else e.setAttribute(name, value);
    }
    e.append(...children);
    return e;
  }

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", "#i-" + name);
    svg.append(use);
    return svg;
  }

  function later(wait, f) {
    let timer;
    return (...args) => { clearTimeout(timer); timer = setTimeout(() => f(...args), wait); };
  }

  // ---- Copying

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false;
    }
  }

  for (const button of all("[data-copy]")) {
    button.hidden = false;
    const field = document.getElementById(button.dataset.copy);
    field.addEventListener("focus", () => field.select());
    button.addEventListener("click", async () => {
      const done = await copy(field.value);
      field.select();
      one("[data-copied]").textContent = done ? "Copied." : "The browser did not allow copying. The secret is selected: press Ctrl+C.";
      one("span", button).textContent = done ? "Copied" : "Copy";
    });
  }
  for (const code of all(".code code")) {
    const button = make("button", { type: "button", className: "copy-code", textContent: "Copy" });
    button.addEventListener("click", async () => { button.textContent = await copy(code.textContent) ? "Copied" : "Not copied"; });
    code.parentElement.after(button);
  }
  one("[data-focus]")?.focus();

  // ---- The form

  const form = document.getElementById("token-form");
  if (!form) return;
  document.documentElement.classList.add("scripted");

  let touched = false;
  form.addEventListener("input", () => { touched = true; preview(); });
  form.addEventListener("submit", () => { touched = false; });
  window.addEventListener("beforeunload", event => { if (touched) event.preventDefault(); });

  for (const group of all("[data-presets]")) group.hidden = false;
  form.addEventListener("click", event => {
    const button = event.target.closest("[data-fill]");
    if (!button) return;
    const field = document.getElementById(button.dataset.fill);
    field.value = button.dataset.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });

  // ---- In plain words

  const summary = one("[data-summary]");
  let asked = 0;
  const preview = later(250, async () => {
    const turn = ++asked;
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (name !== "credential") body.append(name, value);
    let answer;
    try {
      const response = await fetch(form.dataset.preview, { method: "POST", body, headers: { Accept: "application/json" } });
      if (response.status === 401 || response.status === 403) {
        summary.replaceChildren(make("p", { className: "caution" }, icon("warn"), make("span", { textContent: "Your session has ended. What you typed is kept when you send the form." })));
      }
      if (!response.ok) return;
      answer = await response.json();
    } catch {
      return;
    }
    if (turn !== asked) return;
    show(answer);
  });

  function show(answer) {
    const parts = [];
    if (answer.count === 0) {
      parts.push(make("p", { className: "muted", textContent: "Nothing yet: choose permissions." }));
    } else {
      parts.push(make("p", { className: "hint", textContent: "Within the limits of your own role, the token may:" }));
      for (const line of answer.lines) {
        parts.push(make("div", { className: "line" }, make("h3", { textContent: line.where }),
          make("ul", {}, ...line.what.map(text => make("li", { textContent: text })))));
      }
    }
    for (const text of answer.warnings) parts.push(make("p", { className: "caution" }, icon("warn"), make("span", { textContent: text })));
    summary.replaceChildren(...parts);
    for (const code of all("[data-form]")) {
      code.textContent = answer[code.dataset.form];
      const button = code.parentElement.nextElementSibling;
      if (button?.classList.contains("copy-code")) button.textContent = "Copy";
    }
  }

  // ---- Scopes

  const scopes = one("[data-scopes]");
  const list = () => all("[data-scope]", scopes);

  function number() {
    const present = list();
    present.forEach((scope, i) => {
      for (const e of all("[data-number]", scope)) e.textContent = i + 1;
      one("[data-remove]", scope).hidden = present.length < 2;
    });
  }

  // rename gives a copy of a scope an index of its own, in every attribute that holds one.
  function rename(scope, from, to) {
    const attributes = ["id", "name", "for", "href", "aria-labelledby", "aria-describedby", "aria-controls"];
    for (const e of [scope, ...all("*", scope)]) {
      for (const a of attributes) {
        const value = e.getAttribute(a);
        if (value?.includes(`scope-${from}-`)) e.setAttribute(a, value.replaceAll(`scope-${from}-`, `scope-${to}-`));
      }
    }
    scope.dataset.index = to;
    one("[data-remove]", scope).value = `remove-${to}`;
  }

  document.getElementById("add-scope").addEventListener("click", event => {
    event.preventDefault();
    const last = list().at(-1);
    const to = Math.max(...list().map(s => Number(s.dataset.index))) + 1;
    const copy = last.cloneNode(true);
    rename(copy, last.dataset.index, to);
    for (const e of all(".problems", copy)) e.remove();
    for (const e of all("input[type=checkbox]", copy)) e.checked = false;
    for (const e of all("textarea, input[type=text], input[type=search]", copy)) e.value = "";
    for (const e of all("[aria-invalid]", copy)) e.removeAttribute("aria-invalid");
    for (const e of all("[data-access]", copy)) e.checked = e.value === "selected_memberships";
    for (const e of all(".drop", copy)) e.remove();
    for (const e of all("[data-find-said], [data-filter-said]", copy)) e.textContent = "";
    last.after(copy);
    set(copy);
    number();
    one("[data-access]:checked", copy)?.focus();
    copy.scrollIntoView({ block: "start" });
    touched = true;
    preview();
  });

  scopes.addEventListener("click", event => {
    const button = event.target.closest("[data-remove]");
    if (!button || list().length < 2) return;
    event.preventDefault();
    button.closest("[data-scope]").remove();
    number();
    one("[data-access]:checked", list()[0])?.focus();
    touched = true;
    preview();
  });

  function set(scope) {
    const reach = places(scope);
    picker(scope, reach);
  }

  // ---- Where

  const boundaries = {
    selected_memberships: ["project", "group"], personal_projects: ["project"], all_memberships: ["project", "group"],
    user: ["user"], instance: ["instance"],
  };

  function places(scope) {
    const box = one("[data-places]", scope), chosen = one("[data-chosen]", scope), finder = one("[data-finder]", scope);
    const fields = { project: one("textarea[data-kind=project]", scope), group: one("textarea[data-kind=group]", scope) };
    one(".typed", scope).hidden = true;
    finder.hidden = false;
    const same = (a, b) => a.toLowerCase() === b.toLowerCase(); // the forge does not tell them apart
    const few = 10; // places that are shown of many
    let whole = false;
    const values = kind => fields[kind].value.split(/[\n,]/).map(s => s.trim()).filter(Boolean);

    function draw() {
      const rows = [];
      for (const kind of ["group", "project"]) {
        for (const line of values(kind)) {
          const path = line.replace(/^[0-9]+ +/, ""); // an id with its path behind it
          const drop = make("button", { type: "button", className: "quiet" }, icon("cross"), make("span", { className: "hidden-label", textContent: `Remove ${path}` }));
          drop.addEventListener("click", () => {
            fields[kind].value = values(kind).filter(l => l !== line).join("\n");
            changed();
            one("[data-find]", scope).focus();
          });
          rows.push(make("li", {}, icon(kind), make("span", { textContent: path }),
            make("span", { className: "kind", textContent: kind === "group" ? "group, with all below" : "project" }), drop));
        }
      }
      const rest = whole ? 0 : rows.length - few;
      if (rest > 1) {
        const more = make("button", { type: "button", className: "quiet", textContent: `${rest} more` });
        more.addEventListener("click", () => { whole = true; draw(); one("button", chosen.children[few]).focus(); });
        rows.splice(few, rest, make("li", { className: "rest" }, more));
      }
      chosen.hidden = rows.length === 0;
      chosen.replaceChildren(...rows);
    }
    function changed() {
      draw();
      fields.project.dispatchEvent(new Event("input", { bubbles: true }));
    }
    // add gives whether it is new.
    function add(kind, path) {
      const fresh = !values(kind).some(l => same(l.replace(/^[0-9]+ +/, ""), path));
      if (fresh) fields[kind].value = [...values(kind), path].join("\n");
      changed();
      return fresh;
    }
    const access = () => one("[data-access]:checked", scope)?.value ?? "selected_memberships";
    const shown = () => { box.hidden = access() !== "selected_memberships"; };
    for (const radio of all("[data-access]", scope)) radio.addEventListener("change", shown);
    shown();
    draw();
    combobox(scope, add, same);
    return () => boundaries[access()] ?? [];
  }

  // combobox follows the ARIA pattern: focus stays in the field, the arrow keys move through the list.
  function combobox(scope, add, same) {
    const field = one("[data-find]", scope), found = one("[data-found]", scope), said = one("[data-find-said]", scope);
    let items = [], at = -1, turn = 0, tens = 0;

    function close() {
      found.hidden = true;
      field.setAttribute("aria-expanded", "false");
      field.removeAttribute("aria-activedescendant");
      at = -1;
    }
    function mark(i) {
      at = i;
      [...found.children].forEach((li, n) => li.setAttribute("aria-selected", String(n === i)));
      if (i >= 0) {
        field.setAttribute("aria-activedescendant", found.children[i].id);
        found.children[i].scrollIntoView({ block: "nearest" });
      } else {
        field.removeAttribute("aria-activedescendant");
      }
    }
    function choose(i) {
      if (items[i].more) {
        tens++;
        look(i);
        return;
      }
      add(items[i].kind, items[i].path);
      said.textContent = `Added ${items[i].path}.`;
      field.value = "";
      close();
      field.focus();
    }
    async function search(text, more) {
      try {
        const response = await fetch(`${form.dataset.search}?q=${encodeURIComponent(text)}&more=${more}`, { headers: { Accept: "application/json" } });
        if (response.status === 401) return { items: [], end: true, problem: "You are signed out. Open a new tab to sign in again." };
        return Object.assign({ end: response.status >= 500 }, await response.json());
      } catch {
        return { items: [], end: true, problem: "patgate could not be reached." };
      }
    }
    // look shows what is found, and marks the one at an index, or the first.
    async function look(index = 0) {
      const text = field.value.trim(), mine = ++turn;
      if (text === "") { close(); said.textContent = ""; return; }
      const answer = await search(text, tens);
      if (mine !== turn) return;
      const before = new Set(index > 0 ? items.map(i => i.kind + i.path) : []);
      items = answer.items ?? [];
      const n = items.length;
      // What has the form of a path can be added without being found.
      if (answer.path && !items.some(i => same(i.path, answer.path))) items.push({ kind: answer.group ? "group" : "project", path: answer.path, typed: true });
      if (answer.more) items.push({ more: true, path: "10 more" });
      found.replaceChildren(...items.map((item, i) => {
        const li = make("li", { id: `${found.id}-${i}`, className: item.more ? "more-found" : "" }, icon(item.more ? "plus" : item.kind), make("span", { textContent: item.path }),
          make("span", { className: "kind", textContent: item.more ? "" : item.typed ? "as typed" : item.kind }));
        li.setAttribute("role", "option");
        li.setAttribute("aria-selected", "false");
        li.addEventListener("mousedown", event => { event.preventDefault(); choose(i); });
        return li;
      }));
      found.hidden = items.length === 0;
      field.setAttribute("aria-expanded", String(items.length > 0));
      said.textContent = answer.problem ?? (items.length === 0 ? "Nothing found." : `${n} found${answer.more ? ", and there are more" : ""}.`);
      mark(items.length > 0 ? Math.max(0, index > 0 ? items.findIndex(i => !before.has(i.kind + i.path)) : 0) : -1);
    }
    const soon = later(180, () => { tens = 0; look(); });

    // Several paths, ids or addresses that are pasted at once are added one by one, each as what it is.
    field.addEventListener("paste", async event => {
      const lines = (event.clipboardData?.getData("text") ?? "").split(/[\s,]+/).filter(Boolean);
      if (lines.length < 2) return;
      event.preventDefault();
      said.textContent = `Looking up ${lines.length} projects and groups…`;
      const unseen = [], missing = [];
      let added = 0, at = 0, problem = "";
      for (; at < Math.min(lines.length, 100); at++) {
        const answer = await search(lines[at], 0);
        problem = answer.problem ?? problem;
        if (answer.end) break;
        const path = answer.text ?? lines[at];
        const is = answer.items.find(i => same(i.path, path)) ?? answer.items.find(i => i.kind === "project" && String(i.id) === path);
        if (is) added += add(is.kind, is.path);
        else if (answer.path) { added += add(answer.group ? "group" : "project", answer.path); unseen.push(answer.path); }
        else missing.push(lines[at]);
      }
      const few = list => list.slice(0, 5).join(", ") + (list.length > 5 ? " and more" : "");
      field.value = lines.slice(at).join(" ");
      said.textContent = [`Added ${added}.`, unseen.length > 0 && `Not found, and added as typed: ${few(unseen)}.`,
        missing.length > 0 && `Not found: ${few(missing)}.`, problem,
        at < lines.length && `The other ${lines.length - at} are in the field: cut and paste them again.`].filter(Boolean).join(" ");
    });
    field.addEventListener("input", event => { event.stopPropagation(); soon(); });
    field.addEventListener("blur", close);
    field.addEventListener("keydown", event => {
      if (event.key === "Enter") {
        event.preventDefault();
        if (at >= 0) choose(at);
      } else if (event.key === "Escape") {
        close();
      } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !found.hidden && items.length > 0) {
        event.preventDefault();
        mark((at + (event.key === "ArrowDown" ? 1 : items.length - 1)) % items.length);
      }
    });
  }

  // ---- What: resources on the left, what is chosen of them on the right

  function picker(scope, reach) {
    const left = one("[data-left]", scope), resources = one("[data-resources]", scope), filter = one("[data-filter]", scope);
    const said = one("[data-filter-said]", scope), empty = one("[data-empty]", scope), opened = new Set();
    const rows = [];
    resources.replaceChildren();
    left.hidden = false;

    // entry is a button in the list for a resource.
    function entry(row, heading) {
      const counted = make("span", { className: "counted" });
      const button = make("button", { type: "button", tabIndex: -1 }, make("span", { textContent: row.field.dataset.title }), counted);
      button.addEventListener("click", () => {
        if (opened.has(row) || count(row) > 0) drop(row); else opened.add(row);
        draw();
        if (opened.has(row)) row.field.scrollIntoView({ block: "nearest" });
      });
      row.entries.push({ button, counted, heading });
      return button;
    }

    const usual = make("h3", { textContent: "Common" }), byCategory = [];
    for (const category of all("[data-category]", scope)) {
      category.open = true;
      const heading = make("h3", { textContent: category.dataset.category });
      byCategory.push(heading);
      for (const field of all("[data-resource]", category)) {
        const row = { field, category, heading, verbs: all(".verb", field), entries: [] };
        row.text = [category.dataset.category, field.dataset.title, field.dataset.words, ...row.verbs.map(v => v.title)].join(" ").toLowerCase();
        const remove = make("button", { type: "button", className: "quiet drop" }, icon("cross"), make("span", { className: "hidden-label", textContent: `Remove ${field.dataset.title}` }));
        remove.addEventListener("click", () => { drop(row); draw(); (row.entries.find(e => !e.button.hidden) ?? row.entries[0]).button.focus(); });
        field.append(remove);
        byCategory.push(entry(row, heading));
        rows.push(row);
      }
    }
    const common = all("[data-common] a", scope).map(a => rows.find(r => r.field.dataset.resource === a.dataset.of)).filter(Boolean);
    resources.append(usual, ...common.map(row => entry(row, usual)), ...byCategory);

    // The list is one stop of the Tab key, and the arrow keys move within it (WAI-ARIA practices, toolbar).
    const shown = () => all("button", resources).filter(b => !b.hidden);
    function stop(button) {
      for (const b of all("button[tabindex='0']", resources)) b.tabIndex = -1;
      if (button) button.tabIndex = 0;
    }
    function go(event) {
      const list = shown(), i = list.indexOf(document.activeElement);
      const to = { ArrowDown: Math.min(i + 1, list.length - 1), ArrowUp: i - 1, Home: 0, End: list.length - 1 }[event.key];
      if (to === undefined || list.length === 0) return;
      event.preventDefault();
      if (to < 0) filter.focus(); else list[to].focus();
    }
    resources.addEventListener("keydown", go);
    resources.addEventListener("focusin", event => stop(event.target));

    const count = row => row.verbs.filter(v => one("input", v).checked).length;

    function drop(row) {
      opened.delete(row);
      const ticked = row.verbs.map(v => one("input", v)).filter(i => i.checked);
      for (const input of ticked) input.checked = false;
      if (ticked.length > 0) ticked[0].dispatchEvent(new Event("input", { bubbles: true }));
    }

    function draw() {
      const on = reach(), words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      let listed = 0, any = false;
      const headings = new Map(), categories = new Map();
      for (const row of rows) {
        let fits = false;
        for (const verb of row.verbs) {
          const input = one("input", verb), fit = verb.dataset.boundaries.split(" ").some(b => on.includes(b));
          verb.hidden = !fit && !input.checked;
          verb.classList.toggle("misfit", !fit && input.checked);
          fits = fits || fit;
        }
        const n = count(row), picked = n > 0 || opened.has(row) && fits;
        row.field.hidden = !picked;
        for (const e of row.entries) {
          e.counted.textContent = n;
          e.counted.hidden = n === 0;
          e.button.setAttribute("aria-pressed", String(picked));
          e.button.hidden = !(fits || n > 0) || !words.every(w => row.text.includes(w)) || e.heading === usual && words.length > 0;
          if (!e.button.hidden) headings.set(e.heading, true);
          if (!e.button.hidden && e.heading !== usual) listed++;
        }
        if (picked) { any = true; categories.set(row.category, true); }
      }
      usual.hidden = !headings.has(usual);
      for (const row of rows) {
        row.heading.hidden = !headings.has(row.heading);
        row.category.hidden = !categories.has(row.category);
      }
      const list = shown();
      if (!list.some(b => b.tabIndex === 0)) stop(list[0]);
      empty.hidden = any;
      const found = listed === 0 ? "Nothing found." : listed === 1 ? "1 resource" : `${listed} resources`;
      said.textContent = words.length > 0 ? found : "";
      said.className = words.length > 0 && listed === 0 ? "hint" : "hidden-label"; // an empty list says nothing by itself
    }

    filter.addEventListener("input", event => { event.stopPropagation(); draw(); });
    filter.addEventListener("keydown", event => {
      if (event.key === "Enter") event.preventDefault();
      if (event.key === "ArrowDown") { event.preventDefault(); shown()[0]?.focus(); }
    });
    one("[data-right]", scope).addEventListener("change", draw);
    for (const radio of all("[data-access]", scope)) radio.addEventListener("change", draw);
    draw();
  }

  for (const scope of list()) set(scope);
  number();
})();
