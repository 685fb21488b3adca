"use strict";
// One row with all that it rests on, as elements. Every text of a run is set as text: nothing of it is read as markup.
const RowView = (() => {
  const LONG = 20000, LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const HIDDEN = /[\x80-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
  const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/g;
  const HALF = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

  // As `written.shown` does it: what a reader could not see is made visible.
  const shown = (text) => String(text).replaceAll("\r\n", "\n").replace(HALF, "\ufffd")
    .replace(CONTROL, (sign) => String.fromCharCode(sign === "\x7f" ? 0x2421 : 0x2400 + sign.charCodeAt(0)))
    .replace(HIDDEN, (sign) => `[U+${sign.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);

  const h = (tag, attributes, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) made.setAttribute(name, value);
    made.append(...children.flat(9).filter((one) => one !== null && one !== undefined && one !== false && one !== "")
      .map((one) => one instanceof Node ? one : shown(one)));
    return made;
  };
  const name = (text) => h("bdi", { class: "rows-name" }, text);
  const number = (value, digits = 2) => Number(value.toFixed(digits)).toLocaleString("en-GB");
  const signed = (value) => (value > 0 ? "+" : "") + number(value).replace("-", "−");
  const chip = (text, kind = "") => h("span", { class: `rows-chip ${kind}` }, text);
  const chips = (flags) => flags.map((flag) => chip(flag));
  const section = (title, ...children) => h("section", { class: "rows-part" }, h("h4", {}, title), ...children);
  const said = (label, value) => value === undefined || value === null || value === "" ? null
    : h("div", {}, h("dt", {}, label), h("dd", {}, value));
  const facts = (...some) => h("dl", { class: "rows-facts" }, ...some);
  const money = (usd) => usd === null || usd === undefined ? null : usd === 0 ? "$0" : `$${usd.toPrecision(2)}`;
  const used = (usage) => usage ? [`${number(usage[0])} tokens in, ${number(usage[1])} out`, money(usage[2])].filter(Boolean).join(", ") : null;

  const View = class {
    constructor(run) { this.run = run; }

    #told(id) { return `prefmill show ${this.run} ${id}`; }

    text(value, id, kind = "") {
      const place = h("div", { class: `rows-text ${kind}`, dir: "auto" });
      if (Array.isArray(value)) {
        const [head, tail, length] = value, gone = length - head.length - tail.length;
        const mark = h("p", { class: "rows-cut", dir: "ltr" }, head || tail
          ? `${number(gone)} of ${number(length)} characters are cut here; ` : `${number(length)} characters, not on this page; `,
          h("code", {}, this.#told(id)), head || tail ? " has all of it" : " has them");
        place.append(shown(head), mark, shown(tail));
      } else if (value.length > LONG) {
        const more = h("button", { type: "button", class: "rows-more" }, `Show all ${number(value.length)} characters`);
        more.addEventListener("click", () => place.replaceChildren(shown(value)));
        place.append(shown(value.slice(0, LONG)), more);
      } else place.append(shown(value));
      return place;
    }

    task(task) {
      const { messages = [], reference, rubric } = task;
      if (!task.known) return section("Task", h("p", { class: "note" }, "The run keeps no row of it."));
      return section("Task",
        messages.map(([role, content]) => h("div", { class: `rows-turn-of ${role}` }, h("p", { class: "rows-role" }, role), this.text(content, task.id))),
        reference && h("details", {}, h("summary", {}, `Reference (${reference.origin}${reference.model ? `, ${reference.model}` : ""})`), this.text(reference.text, task.id)),
        rubric && h("details", {}, h("summary", {}, "Rubric"), this.text(rubric.criteria, task.id),
          rubric.levels && h("ol", { class: "rows-levels" }, rubric.levels.map(([score, text]) => h("li", { value: score }, this.text(text, task.id))))));
    }

    answer(answer, letter, won) {
      const ended = answer.finish && answer.finish !== "stop" ? chip(`ended by ${answer.finish}`, "warn") : null;
      return h("article", { class: `rows-answer ${won ? "won" : ""}` },
        h("header", {}, letter && h("b", { class: "rows-letter" }, letter), name(answer.model),
          answer.sample ? ` sample ${answer.sample}` : null, won && chip("won", "good"), ended,
          answer.intended !== undefined && chip(`asked to deserve ${answer.intended}`)),
        answer.failure ? h("p", { class: "rows-failed" }, `failed: ${answer.failure[0]}: ${answer.failure[1]}`) : this.text(answer.text ?? "", answer.id),
        h("footer", {}, [used(answer.usage), answer.id].filter(Boolean).join(" · ")));
    }

    #label(verdict, title, brief = false) {
      const winner = { first: "A wins", second: "B wins", tie: "tie" }[verdict.winner];
      return facts(
        said(title, verdict.failure ? `failed: ${verdict.failure[0]}: ${verdict.failure[1]}` : winner ?? (verdict.scores ?? []).map((score, n) => `${LETTERS[n]} ${number(score)}`).join(", ")),
        said("margin, A minus B", verdict.margin === undefined ? null : signed(verdict.margin)),
        said("without biases", verdict.debiased === undefined ? null : signed(verdict.debiased)),
        said("people would agree", verdict.confidence === undefined ? null : `${number(100 * verdict.confidence, 0)} %`),
        brief ? null : [said("flags", verdict.flags && chips(verdict.flags)), said("protocol", verdict.protocol)]);
    }

    verdict(pair) {
      if (!pair.taught) return null;
      return section("Label", pair.label ? [this.#label(pair.label, "as published"), this.#label(pair.taught, "as the teachers said", true)]
        : this.#label(pair.taught, "as the teachers said, and as published"));
    }

    judgment(row, id) {
      const order = row.shown.map((n) => LETTERS[n]).join(", then ");
      const scores = row.scores?.map((score, n) => [LETTERS[row.shown[n]], score, row.expected?.[n]]).sort();
      return h("article", { class: "rows-judgment" },
        h("header", {}, name(row.teacher), row.sample ? chip(`asked again, ${row.sample}`) : null, row.unused && chip("not used"),
          row.with_reference && chip(row.own_reference ? "with its own reference" : "with reference")),
        h("p", { class: "rows-order" }, `shown ${order}`),
        row.failure ? h("p", { class: "rows-failed" }, `failed: ${row.failure[0]}: ${row.failure[1]}`)
          : h("ul", { class: "rows-scores" }, scores.map(([letter, score, expected]) => h("li", {}, h("b", {}, letter), ` ${number(score)}`,
              expected !== undefined && expected !== null ? h("small", {}, ` weighed ${number(expected)}`) : null))),
        row.aspects?.map((one) => h("div", { class: "rows-aspect" }, h("p", {}, name(one.criterion), `: ${one.scores.map((score, n) => `${LETTERS[row.shown[n]]} ${score === null ? "–" : number(score)}`).join(", ")}`),
          one.feedback?.map((text) => this.text(text, id)))),
        row.rationale && [h("p", { class: "rows-role" }, "rationale"), this.text(row.rationale, id)],
        row.raw !== undefined && [h("p", { class: "rows-role" }, "reply"), this.text(row.raw, id, "raw")],
        row.own_reference && h("details", {}, h("summary", {}, "Its own reference"), this.text(row.own_reference, id)),
        h("footer", {}, [row.judge, used(row.usage)].filter(Boolean).join(" · ")));
    }

    #people(reviews, id) {
      const winners = { first: "A is better", second: "B is better", tie: "tie" };
      return section(`People (${reviews.length})`, h("ul", { class: "rows-reviews" }, reviews.map((one) => h("li", {},
        name(one.by), `: ${winners[one.winner] ?? "cannot judge"}`, one.strength !== undefined && ` (strength ${signed(one.strength)})`,
        one.ratings && `, rated ${one.ratings.map((rating) => rating ?? "–").join(" and ")}`, one.criteria && `, ${one.criteria}`,
        one.stratum && h("small", {}, ` ${one.stratum}`), one.seconds !== undefined && h("small", {}, ` ${number(one.seconds, 0)} s`),
        one.comment && this.text(one.comment, id)))));
    }

    #grades(task, some) {
      return section(`Grades (${some.length})`, h("div", { class: "rows-judgments" }, some.map((row) => h("article", { class: "rows-judgment" },
        h("header", {}, name(row.teacher), task.answers?.[row.answer] && [" of ", name(task.answers[row.answer].model)]),
        row.failure ? h("p", { class: "rows-failed" }, `failed: ${row.failure[0]}: ${row.failure[1]}`) : h("ul", { class: "rows-scores" }, h("li", {}, h("b", {}, "score"), ` ${number(row.score)}`)),
        row.feedback && this.text(row.feedback, row.id), row.raw !== undefined && this.text(row.raw, row.id, "raw"),
        h("footer", {}, [row.judge, used(row.usage), row.id].filter(Boolean).join(" · "))))));
    }

    #calls(calls) {
      const columns = ["stage", "model", "status", ">attempts", ">seconds", ">tokens in", ">out", ">cost"];
      const side = (n) => columns[n].startsWith(">") ? { class: "r" } : {};
      const rows = calls.map(([stage, model, sample, status, attempts, latency, prompt, reply, cost]) =>
        [stage, sample ? `${model} (${sample})` : model, status, number(attempts), number(latency), number(prompt), number(reply), money(cost) ?? "unknown"]);
      return h("details", { class: "rows-part" }, h("summary", {}, `Calls made for this task (${calls.length})`),
        h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Calls made for this task" }, h("table", {},
          h("thead", {}, h("tr", {}, columns.map((column, n) => h("th", { scope: "col", ...side(n) }, column.replace(">", ""))))),
          h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, n) => h("td", side(n), cell))))))));
    }

    // What an entry shows: a pair with its label, a graded answer, or a row that was lost and what it was of.
    #subject(task, list, row) {
      const answers = task.answers ?? [], pairs = task.comparisons ?? [];
      if (list === "comparisons") return { pair: row, answers: row.answers, id: (row.label ?? row.taught)?.id ?? row.id };
      if (list === "grades") return { answers: row.answer === undefined ? [] : [row.answer], grades: [row], id: row.id };
      const pair = pairs.find((one) => one.id === row.row_id || one.judgments?.some((said) => said.id === row.row_id));
      if (pair) return { pair, answers: pair.answers, id: row.row_id };
      const mine = answers.findIndex((one) => one.id === row.row_id);
      return { answers: mine >= 0 ? [mine] : [], id: row.row_id };
    }

    entry({ task, list, row }, id) {
      const { pair, answers, grades } = this.#subject(task, list, row), told = task.answers ?? [];
      const winner = (pair?.label ?? pair?.taught)?.winner, others = told.map((_, n) => n).filter((n) => !answers.includes(n));
      const losses = (task.losses ?? []).filter((loss) => loss.row_id === id);
      const flags = task.flags ?? [];
      const known = grades ?? (task.grades ?? []).filter((grade) => answers.includes(grade.answer));
      return [
        losses.map((loss) => h("div", { class: "rows-lost" }, h("b", {}, `${loss.status} at ${loss.stage}: `), name(loss.reason),
          loss.by && loss.by !== loss.reason ? [" by ", name(loss.by)] : null, loss.detail && this.text(loss.detail, id))),
        flags.map(([of, kind, by, detail]) => h("div", { class: "rows-lost flagged" }, h("b", {}, "flagged by "), name(by), ` (${kind} ${of})`, this.text(detail, id))),
        pair && this.verdict(pair),
        this.task(task),
        answers.length ? section(answers.length > 1 ? "Answers" : "Answer", h("div", { class: "rows-answers" }, answers.map((n, place) =>
          this.answer(told[n], pair ? LETTERS[place] : null, winner === ["first", "second"][place])))) : null,
        pair?.judgments && section(`Judgments (${pair.judgments.length})`, h("div", { class: "rows-judgments" }, pair.judgments.map((one) => this.judgment(one, one.id ?? id)))),
        pair?.reviews && this.#people(pair.reviews, id),
        known.length ? this.#grades(task, known) : null,
        others.length ? h("details", { class: "rows-part" }, h("summary", {}, `Other answers to this task (${others.length})`),
          h("div", { class: "rows-answers" }, others.map((n) => this.answer(told[n], null, false)))) : null,
        task.calls && this.#calls(task.calls),
        facts(said("row", id), said("task", task.id), pair && said("comparison", pair.id), said("its id in the source", task.source_id),
          said("read from", task.source && `${task.source}${task.line ? `, line ${task.line}` : ""}`), said("category", task.category),
          said("licence", task.licence), said("at the terminal", h("code", {}, this.#told(id)))),
      ].flat(9).filter(Boolean);
    }
  };
  return { View, h, name, chip, shown, number, signed };
})();
