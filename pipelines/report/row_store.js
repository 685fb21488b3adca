"use strict";
// The rows of a run as the page holds them: columns of numbers for the list, and chunks of whole tasks, compressed, that
// are decoded when somebody opens a row or searches. Nothing is loaded: all of it lies in the page.
const RowStore = (() => {
  const KINDS = {
    task: Uint32Array, fate: Uint16Array, models: Uint16Array, flags: Uint16Array, winner: Uint8Array, list: Uint8Array,
    place: Uint16Array, margin: Float32Array, confidence: Float32Array, id: Uint8Array, category: Uint16Array,
  };
  const LISTS = ["comparisons", "grades", "losses"], WINNERS = ["none", "first", "second", "tie"];
  const KEPT_CHUNKS = 6;

  const unpacked = (text) => {
    const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
  };
  const data = (id) => JSON.parse(document.getElementById(id).textContent);

  // Every string in a value, in small letters.
  const says = (value, query) => typeof value === "string" ? value.toLowerCase().includes(query)
    : value !== null && typeof value === "object" && Object.values(value).some((inner) => says(inner, query));

  class Store {
    #chunks = new Map();

    static async open() {
      const store = new Store(), index = data("browse-index");
      store.index = index;
      const columns = Object.entries(index.columns).map(async ([name, text]) =>
        [name, new KINDS[name](await unpacked(text).arrayBuffer())]);
      store.column = Object.fromEntries(await Promise.all(columns));
      store.titles = JSON.parse(await unpacked(index.titles).text());
      store.length = index.entries;
      store.firstOf = new Uint32Array(index.tasks + 1).fill(index.entries);
      for (let n = index.entries - 1; n >= 0; n--) store.firstOf[store.column.task[n]] = n;
      for (let n = index.tasks - 1; n >= 0; n--) store.firstOf[n] = Math.min(store.firstOf[n], store.firstOf[n + 1]);
      return store;
    }

    id(entry) {
      return this.index.odd[entry] ??
        Array.from(this.column.id.subarray(8 * entry, 8 * entry + 8), (one) => one.toString(16).padStart(2, "0")).join("");
    }

    find(id) {
      for (let n = 0; n < this.length; n++) if (this.id(n) === id) return n;
      return -1;
    }

    title(entry) { return this.titles[this.column.task[entry]]; }
    fate(entry) { return this.index.fates[this.column.fate[entry]]; }
    models(entry) { return this.index.models[this.column.models[entry]]; }
    flags(entry) { return this.index.flags[this.column.flags[entry]]; }
    category(entry) { return this.index.categories[this.column.category[this.column.task[entry]]]; }
    winner(entry) { return WINNERS[this.column.winner[entry]]; }
    won(entry) {
      const winner = this.column.winner[entry];
      return winner === 1 || winner === 2 ? this.models(entry)[winner - 1] : null;
    }

    #chunkOf(task) {
      const first = this.index.chunks;
      let low = 0, high = first.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (first[middle] <= task) low = middle; else high = middle - 1;
      }
      return low;
    }

    async #chunk(number) {
      const known = this.#chunks.get(number);
      this.#chunks.delete(number);
      const tasks = known ?? JSON.parse(await unpacked(data(`browse-${number}`)).text());
      this.#chunks.set(number, tasks);
      if (this.#chunks.size > KEPT_CHUNKS) this.#chunks.delete(this.#chunks.keys().next().value);
      return tasks;
    }

    // The task of an entry, and the value in it that the entry is of.
    async read(entry) {
      const number = this.column.task[entry], chunk = this.#chunkOf(number);
      const task = (await this.#chunk(chunk))[number - this.index.chunks[chunk]];
      return { task, list: LISTS[this.column.list[entry]], place: this.column.place[entry],
               row: task[LISTS[this.column.list[entry]]][this.column.place[entry]] };
    }

    #hit(entry, task, query) {
      const list = this.column.list[entry], row = task[LISTS[list]][this.column.place[entry]];
      const { id, source_id, source, messages, reference, rubric } = task;
      if (says([id, source_id, source, messages, reference, rubric, row, this.id(entry)], query)) return true;
      const answers = task.answers ?? [];
      if (list === 0) return row.answers.some((n) => says(answers[n], query));
      if (list === 1) return row.answer !== undefined && says(answers[row.answer], query);
      const judgments = (task.comparisons ?? []).flatMap((one) => [one, ...(one.judgments ?? [])]);
      return [...answers, ...judgments].some((one) => one.id === row.row_id && says(one, query));
    }

    // Marks the entries in which the words stand, chunk by chunk; `tell(share)` after each, which ends it by false.
    async search(query, marks, tell) {
      const words = query.toLowerCase(), written = JSON.stringify(words).slice(1, -1);
      for (let entry = 0; entry < this.length; entry++) {
        if (this.title(entry).toLowerCase().includes(words) || this.id(entry).includes(words)) marks[entry] = 1;
      }
      const chunks = this.index.chunks;
      for (let number = 0; number < chunks.length; number++) {
        if (tell(number / chunks.length) === false) return;
        const text = await unpacked(data(`browse-${number}`)).text();
        if (!text.toLowerCase().includes(written)) continue;
        JSON.parse(text).forEach((task, place) => {
          const at = chunks[number] + place;
          for (let entry = this.firstOf[at]; entry < this.firstOf[at + 1]; entry++) {
            if (!marks[entry] && this.#hit(entry, task, words)) marks[entry] = 1;
          }
        });
      }
      tell(1);
    }

    // Entries that pass every choice, in order, and for each facet how many each of its values would leave.
    pick(choice, order, marks) {
      const { index, column } = this, all = () => true;
      const value = choice.fate ?? "", winner = choice.winner ?? "";
      const allowed = {
        fate: index.fates.map(([stage, status], n) => value === "" || value === (status === "kept" ? "kept" : "lost")
          || value === `stage ${stage}` && status !== "kept" || value === `fate ${n}`),
        models: index.models.map((names) => !choice.model || names.includes(choice.model)),
        flags: index.flags.map((names) => !choice.flag || names.includes(choice.flag)),
        category: index.categories.map((name) => !choice.category || choice.category === `is ${name}`),
      };
      const wins = !winner ? all : winner.startsWith("model ") ? (n) => this.won(n) === winner.slice(6)
        : (n) => WINNERS[column.winner[n]] === winner;
      const counts = { fate: new Map(), models: new Map(), flags: new Map(), category: new Map(), winner: new Map(), won: new Map() };
      const add = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);
      const found = [];
      for (let n = 0; n < this.length; n++) {
        if (marks && !marks[n]) continue;
        const category = column.category[column.task[n]];
        const not = (allowed.fate[column.fate[n]] ? 0 : 1) | (allowed.models[column.models[n]] ? 0 : 2)
          | (allowed.flags[column.flags[n]] ? 0 : 4) | (allowed.category[category] ? 0 : 8) | (wins(n) ? 0 : 16);
        if (not === 0) found.push(n);
        if (!(not & ~1)) add(counts.fate, column.fate[n]);
        if (!(not & ~2)) add(counts.models, column.models[n]);
        if (!(not & ~4)) add(counts.flags, column.flags[n]);
        if (!(not & ~8)) add(counts.category, category);
        if (!(not & ~16)) { add(counts.winner, this.winner(n)); add(counts.won, this.won(n)); }
      }
      const by = (key) => found.sort((a, b) => (key(a) - key(b)) || a - b);
      const last = (number) => Number.isNaN(number) ? Infinity : number;
      if (order === "close") by((n) => last(Math.abs(column.margin[n])));
      if (order === "wide") by((n) => last(-Math.abs(column.margin[n])));
      if (order === "unsure") by((n) => last(column.confidence[n]));
      return { entries: Uint32Array.from(found), counts };
    }
  }
  return Store;
})();
