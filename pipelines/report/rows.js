"use strict";
// The list of rows, its filters, and the row that is open. Only the rows in sight are elements.
(() => {
  const { View, h, name, chip, shown, number, signed } = RowView;
  const at = (id) => document.getElementById(`rows-${id}`);
  const list = at("list"), room = at("room"), dialog = at("dialog"), body = at("body"), search = at("search");
  const selects = { fate: at("fate"), model: at("model"), winner: at("winner"), category: at("category"), flag: at("flag") };
  const ORDERS = { "": "as in the run", close: "closest margin first", wide: "widest margin first", unsure: "least sure first" };
  const WINNERS = { first: "the first of the pair (A)", second: "the second of the pair (B)", tie: "tie", none: "no winner" };
  const SPARE = 6;
  let store, view, entries = new Uint32Array(), active = 0, marks = null, searched = 0, open = -1, pushed = false;

  const options = () => {
    const { index } = store, unique = (groups) => [...new Set(groups.flat())].sort();
    const add = (select, value, text) => {
      const option = h("option", { value }, text);
      option.dataset.text = shown(text);
      select.append(option);
      return option;
    };
    add(selects.fate, "", "all rows");
    add(selects.fate, "kept", "kept");
    add(selects.fate, "lost", "dropped or failed");
    const lost = index.fates.map((fate, n) => [...fate, n]).filter(([, status]) => status !== "kept");
    for (const stage of new Set(lost.map(([stage]) => stage))) {
      const group = h("optgroup", { label: shown(stage) });
      selects.fate.append(group);
      add(group, `stage ${stage}`, `${stage}: all that was lost`);
      for (const [, status, by, reason, n] of lost.filter(([of]) => of === stage)) {
        add(group, `fate ${n}`, `${status}: ${reason}${by && by !== reason ? ` (${by})` : ""}`);
      }
    }
    for (const [select, all] of [["model", "all models"], ["winner", "any"], ["category", "all categories"], ["flag", "any or none"]]) add(selects[select], "", all);
    const names = unique(index.models);
    names.forEach((one) => add(selects.model, one, one));
    Object.entries(WINNERS).forEach(([value, text]) => add(selects.winner, value, text));
    names.forEach((one) => add(selects.winner, `model ${one}`, one));
    index.categories.forEach((one) => add(selects.category, `is ${one}`, one ?? "none"));
    unique(index.flags).forEach((one) => add(selects.flag, one, one));
    Object.entries(ORDERS).forEach(([value, text]) => add(at("order"), value, text));
    for (const select of Object.values(selects)) select.closest("label").hidden = select.options.length < 3;
  };

  const counted = (counts) => {
    const sum = (map, test) => [...map].reduce((all, [key, rows]) => all + (test(key) ? rows : 0), 0);
    const { fates, models, flags, categories } = store.index;
    const rows = {
      fate: (value) => sum(counts.fate, (n) => value === "" || value === `fate ${n}` || value === (fates[n][1] === "kept" ? "kept" : "lost")
        || fates[n][1] !== "kept" && value === `stage ${fates[n][0]}`),
      model: (value) => sum(counts.models, (n) => value === "" || models[n].includes(value)),
      winner: (value) => sum(value.startsWith("model ") ? counts.won : counts.winner, (key) => value === "" || key === value || `model ${key}` === value),
      category: (value) => sum(counts.category, (n) => value === "" || value === `is ${categories[n]}`),
      flag: (value) => sum(counts.flags, (n) => value === "" || flags[n].includes(value)),
    };
    for (const [facet, select] of Object.entries(selects)) {
      for (const option of select.options) option.textContent = option.dataset.text + (option.value ? ` · ${number(rows[facet](option.value))}` : "");
    }
  };

  const choice = () => Object.fromEntries(Object.entries(selects).map(([facet, select]) => [facet, select.value]));
  const filter = (keep = false) => {
    const before = entries[active], picked = store.pick(choice(), at("order").value, marks);
    entries = picked.entries;
    active = Math.max(0, keep ? entries.indexOf(before) : 0);
    counted(picked.counts);
    const chosen = Object.values(choice()).some(Boolean) || search.value !== "";
    at("clear").hidden = !chosen;
    const state = marks && searched < 1 ? `; searching the texts, ${number(100 * searched, 0)} %` : "";
    at("count").textContent = (chosen ? `${number(entries.length)} of ${number(store.length)} rows` : `${number(store.length)} rows`) + state;
    at("count").dataset.found = entries.length;
    room.style.height = `${entries.length * height()}px`;
    if (!keep) list.scrollTop = 0;
    paint();
  };

  // The height of a row stands in the styles: it is another one on a phone.
  const height = () => parseFloat(getComputedStyle(list).getPropertyValue("--row"));
  const line = (place) => {
    const entry = entries[place], [stage, status, , reason] = store.fate(entry), margin = store.column.margin[entry];
    const models = store.models(entry), won = store.won(entry), confidence = store.column.confidence[entry];
    const pair = models.flatMap((model, n) => [n ? " · " : "", h("bdi", { class: model === won && (models[0] !== models[1] || store.winner(entry) === (n ? "second" : "first")) ? "won" : "" }, model)]);
    const made = h("div", { class: "rows-row", role: "option", id: `rows-at-${place}`, "aria-setsize": entries.length, "aria-posinset": place + 1,
                            "aria-selected": place === active },
      h("p", { class: "rows-title", dir: "auto" }, store.title(entry) || store.id(entry)),
      h("p", { class: "rows-about" },
        status === "kept" ? null : chip(`${status}: ${reason}`, status), stage === "verdicts" ? null : chip(stage),
        pair.length ? h("span", { class: "rows-pair" }, pair) : null,
        store.winner(entry) === "tie" ? h("span", {}, "tie") : null,
        Number.isNaN(margin) ? null : h("span", {}, stage === "grades" ? number(margin) : signed(margin)),
        Number.isNaN(confidence) ? null : h("span", {}, `${number(100 * confidence, 0)} % sure`),
        store.flags(entry).map((flag) => chip(flag)), store.category(entry) && h("span", { class: "rows-category" }, store.category(entry))));
    made.style.transform = `translateY(${place * height()}px)`;
    made.addEventListener("click", () => { active = place; show(entry, true); });
    return made;
  };
  const paint = () => {
    const row = height(), first = Math.max(0, Math.floor(list.scrollTop / row) - SPARE);
    const last = Math.min(entries.length, Math.ceil((list.scrollTop + list.clientHeight) / row) + SPARE);
    room.replaceChildren(...Array.from({ length: Math.max(0, last - first) }, (_, n) => line(first + n)));
    if (!entries.length) room.replaceChildren(h("p", { class: "note rows-none" }, marks && searched < 1 ? "Searching…" : "No row is like that."));
    if (active >= first && active < last) list.setAttribute("aria-activedescendant", `rows-at-${active}`);
    else list.removeAttribute("aria-activedescendant");
    list.dataset.painted = "yes";
  };
  const move = (to) => {
    active = Math.max(0, Math.min(entries.length - 1, to));
    const row = height(), top = active * row;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + row > list.scrollTop + list.clientHeight) list.scrollTop = top + row - list.clientHeight;
    paint();
  };

  const show = async (entry, push = false) => {
    open = entry;
    const id = store.id(entry), address = `#row=${encodeURIComponent(id)}`, found = entries.indexOf(entry);
    if (found >= 0) move(found);
    if (push) { history.pushState({ rows: true }, "", address); pushed = true; }
    else if (location.hash !== address) history.replaceState(history.state, "", address);
    const read = await store.read(entry);
    if (open !== entry) return;
    const [stage, status] = store.fate(entry);
    body.replaceChildren(h("h3", { id: "rows-title" }, stage === "verdicts" ? "Label " : stage === "grades" ? "Grade " : `Lost at ${stage} `, h("code", {}, id), " ", chip(status, status)),
      ...view.entry(read, id));
    at("place").textContent = found >= 0 ? `${number(found + 1)} of ${number(entries.length)}` : "not among the rows that are filtered";
    at("before").disabled = found <= 0;
    at("next").disabled = found < 0 || found >= entries.length - 1;
    if (!dialog.open) { dialog.showModal(); body.focus(); }
    body.scrollTop = 0;
    dialog.dataset.row = id;
  };
  const turn = (by) => {
    const found = entries.indexOf(open) + by;
    if (open >= 0 && found >= 0 && found < entries.length && found !== by - 1) show(entries[found]);
  };
  const close = () => dialog.open && dialog.close();
  dialog.addEventListener("close", () => {
    if (open < 0) return;
    open = -1;
    delete dialog.dataset.row;
    if (pushed) { pushed = false; history.back(); } else history.replaceState(null, "", "#browse");
    list.focus({ preventScroll: true });
  });
  const follow = () => {
    const id = location.hash.startsWith("#row=") ? decodeURIComponent(location.hash.slice(5)) : null;
    if (id === null) { if (dialog.open) { pushed = false; open = -1; dialog.close(); } return; }
    if (open >= 0 && store.id(open) === id) return;
    const entry = store.find(id);
    document.getElementById("browse").scrollIntoView();
    if (entry >= 0) show(entry);
    else { search.value = id; seek(); search.focus({ preventScroll: true }); }
  };

  let seeking = 0;
  const seek = async () => {
    const mine = ++seeking, words = search.value.trim();
    marks = words ? new Uint8Array(store.length) : null;
    searched = words ? 0 : 1;
    if (!words) return filter();
    let told = 0;
    await store.search(words, marks, (share) => {
      if (mine !== seeking) return false;
      searched = share;
      if (share === 0) filter();
      else if (share === 1 || performance.now() - told > 250) { told = performance.now(); filter(true); }
      return true;
    });
    if (mine === seeking) list.dataset.searched = words;
  };

  const typing = (target) => target.closest("input, select, textarea") !== null;
  const steps = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
  const pressed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (dialog.open) {
      const by = { j: 1, k: -1, ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (by) { event.preventDefault(); turn(by); }
      return;
    }
    if (event.key === "/" && !typing(event.target)) { event.preventDefault(); search.focus(); search.select(); return; }
    if (event.target === search && (event.key === "Enter" || event.key === "ArrowDown")) { event.preventDefault(); list.focus(); return; }
    if (event.target === search && event.key === "Escape") { search.value = ""; seek(); return; }
    if (event.target !== list || !entries.length) return;
    const page = Math.max(1, Math.floor(list.clientHeight / height()) - 1);
    const to = { Home: 0, End: entries.length - 1, PageDown: active + page, PageUp: active - page }[event.key]
      ?? (event.key in steps ? active + steps[event.key] : null);
    if (to !== null) { event.preventDefault(); move(to); }
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); show(entries[active], true); }
  };

  const begin = async () => {
    store = await RowStore.open();
    view = new View(store.index.run);
    at("browser").hidden = false;
    options();
    const { most, carrying, cut } = store.index.texts, tasks = store.index.tasks;
    const said = [`${number(store.length)} rows of ${number(tasks)} tasks: every label and grade, and every row that was lost on the way.`];
    if (most === null) said.push("All texts are whole.");
    else {
      said.push(`To keep this page small, texts of more than ${number(most)} characters are cut in the middle (${number(cut)} are).`);
      if (carrying < tasks) said.push(`${number(carrying)} tasks, drawn at random whatever became of them, carry their texts; of the other ${number(tasks - carrying)} the page has figures only (flag: ${store.index.without}).`);
      said.push("prefmill show has all of it.");
    }
    at("said").textContent = said.join(" ");
    filter();
    performance.mark("rows-listed");
    for (const select of [...Object.values(selects), at("order")]) select.addEventListener("change", () => filter());
    let timer;
    search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(seek, 150); });
    search.form.addEventListener("submit", (event) => event.preventDefault());
    at("clear").addEventListener("click", () => {
      for (const select of Object.values(selects)) select.value = "";
      search.value = "";
      seek();
      list.focus();
    });
    let waiting = false;
    list.addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; paint(); });
    });
    let width = list.clientWidth;
    new ResizeObserver(() => {
      if (list.clientWidth === width) return;
      width = list.clientWidth;
      room.style.height = `${entries.length * height()}px`;
      move(active);
    }).observe(list);
    at("before").addEventListener("click", () => turn(-1));
    at("next").addEventListener("click", () => turn(1));
    at("close").addEventListener("click", close);
    dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
    document.addEventListener("keydown", pressed);
    addEventListener("popstate", follow);
    addEventListener("hashchange", follow);
    follow();
    document.documentElement.dataset.rows = "listed";
  };
  begin();
})();
