// Tonight on one screen, worst first: a line a team, signals as they come, the feeds.

import { byId, el, mark, say, svg } from "./dom.js";
import { freshness, isPlaying, night, signalKey, whyStale, worstFirst } from "./night.js";
import { NONE, age, cents, isKnown, ms, shares, signed, standing, utc } from "./words.js";

const COLUMNS = ["Game", "Score", "Bid – ask", "Model", "Edge", "Pattern", "Score seen", "Book moved"];
const SIDES = ["away", "home"]; // as a schedule writes it: away at home
const SIGNALS_SHOWN = 40;

export const makeBoard = (page) => {
  const body = el("tbody", { role: "rowgroup" });
  const head = el("tr", { role: "row" }, ...COLUMNS.map((name) => el("th", { scope: "col", role: "columnheader" }, name)));
  const none = el("p", { class: "empty", hidden: true }, "No game is known yet.");
  const signals = el("ol", { class: "signals", tabindex: "0", "aria-label": "Signals, newest first" });
  const quiet = el("p", { class: "empty" }, "No signal yet.");
  const health = makeHealth();
  page.replaceChildren(
    el(
      "div",
      { class: "board" },
      el(
        "section",
        { "aria-labelledby": "games-title" },
        el("h1", { id: "games-title" }, "Games, worst first"),
        el("table", { class: "games", role: "table" }, el("thead", { role: "rowgroup" }, head), body),
        el("p", { class: "fine" }, "Prices, probabilities and edges in cents. A pattern is home's lead after each of the first 18 minutes."),
        none,
      ),
      el("aside", {}, el("section", {}, el("h2", {}, "Signals"), signals, quiet), health.section),
    ),
  );
  const rows = new Map();
  let told = "";
  return {
    paint() {
      const entries = worstFirst();
      none.hidden = entries.length > 0 || night.nowMs === null;
      const wanted = entries.map((entry) => {
        const id = entry.state.game_id;
        if (!rows.has(id)) rows.set(id, makeRow(id));
        rows.get(id).paint(entry);
        return rows.get(id).row;
      });
      // Moving a row takes the focus from it: only when the order is another one.
      const stands = wanted.length === body.children.length && wanted.every((row, k) => row === body.children[k]);
      if (!stands) reorder(body, wanted);
      const latest = night.signals.slice(0, SIGNALS_SHOWN);
      const keys = latest.map(signalKey).join();
      if (keys !== told) signals.replaceChildren(...latest.map(signalItem));
      told = keys;
      signals.hidden = latest.length === 0;
      quiet.hidden = latest.length > 0 || night.nowMs === null;
      health.paint();
    },
  };
};

const reorder = (body, wanted) => {
  const focused = document.activeElement;
  body.replaceChildren(...wanted);
  if (focused instanceof HTMLElement && body.contains(focused)) focused.focus({ preventScroll: true });
};

const makeRow = (id) => {
  const twice = (css) => SIDES.map(() => el("span", { class: css }));
  const name = el("a", { href: `#/game/${encodeURIComponent(id)}` });
  const teams = twice("team");
  name.append(...teams);
  const status = el("span", { class: "status" });
  const why = el("span", { class: "why" });
  const scores = twice("big");
  const market = twice("");
  const model = twice("");
  const edges = twice("edge");
  const pattern = makePattern();
  const seen = el("span");
  const moved = twice("");
  const cell = (label, css, ...children) => el("td", { role: "cell", "data-label": label, class: css }, ...children);
  const cells = {
    score: cell("Score", "pair n", ...scores),
    market: cell("Bid – ask", "pair n", ...market),
    model: cell("Model", "pair n", ...model),
    edge: cell("Edge", "pair n", ...edges),
    seen: cell("Score seen", "n", seen),
    moved: cell("Book moved", "pair n", ...moved),
  };
  const row = el(
    "tr",
    { role: "row" },
    el("th", { role: "rowheader", scope: "row", class: "game" }, name, el("span", { class: "standing" }, status, why)),
    cells.score,
    cells.market,
    cells.model,
    cells.edge,
    cell("Pattern", "patterncell", pattern.element),
    cells.seen,
    cells.moved,
  );
  return {
    row,
    paint(entry) {
      const { state } = entry;
      const fresh = freshness(entry);
      say(status, standing(state));
      say(why, whyStale(entry, fresh));
      mark(row, "stale", fresh.any);
      mark(row, "off", !isPlaying(state));
      mark(row, "final", state.status === "final");
      mark(cells.score, "old", fresh.game);
      mark(cells.seen, "old", fresh.game);
      mark(cells.model, "old", fresh.game);
      mark(pattern.element, "old", fresh.game);
      mark(cells.edge, "old", fresh.any);
      SIDES.forEach((side, k) => {
        const book = state.tokens?.[side];
        const edge = fresh.any ? null : state.edge_u6?.[side]; // what it rests on may no longer be so
        say(teams[k], side === "away" ? state.away : `at ${state.home}`);
        const score = state.status === "scheduled" ? null : state[`${side}_score`];
        say(scores[k], isKnown(score) ? String(score) : NONE);
        say(market[k], quote(book));
        mark(market[k], "old", fresh.book[side]);
        mark(market[k], "quiet", fresh.quiet[side]);
        mark(moved[k], "old", fresh.book[side]);
        mark(moved[k], "quiet", fresh.quiet[side]);
        say(model[k], cents(side === "home" ? state.model_home_u6 : other(state.model_home_u6)));
        say(edges[k], signed(edge));
        mark(edges[k], "plus", isKnown(edge) && edge > 0);
        say(moved[k], book?.trust === "unknown" ? NONE : age(fresh.ages[side]));
      });
      say(seen, age(fresh.ages.game));
      pattern.paint(state.pattern);
    },
  };
};

export const other = (u6) => (isKnown(u6) ? 1_000_000 - u6 : null);

export const quote = (book) => {
  if (!book || book.trust === "unknown") return NONE;
  return `${cents(book.bid_u6)} – ${cents(book.ask_u6)}`;
};

// Eighteen ticks, one a minute: up for home's lead, down for away's, a dot for a minute still to come.
const TICK = 5;
const HALF = 12;

export const makePattern = () => {
  const element = svg("svg", { class: "pattern", role: "img", viewBox: `0 0 ${18 * TICK} ${2 * HALF}`, preserveAspectRatio: "xMinYMid" });
  let told = null;
  return {
    element,
    paint(pattern) {
      const entries = pattern?.entries ?? [];
      const of = pattern?.of ?? 18;
      const key = `${entries}/${of}`;
      if (key === told) return;
      told = key;
      const most = Math.max(8, ...entries.map(Math.abs));
      const bars = Array.from({ length: of }, (_, k) => {
        if (k >= entries.length) return svg("rect", { class: "todo", x: k * TICK + 1, y: HALF - 1, width: 3, height: 2 });
        const height = Math.max((Math.abs(entries[k]) / most) * (HALF - 1), 1);
        const css = entries[k] >= 0 ? "up" : "down";
        return svg("rect", { class: css, x: k * TICK + 1, y: entries[k] >= 0 ? HALF - height : HALF, width: 3, height });
      });
      element.replaceChildren(...bars);
      const last = entries.length ? `, home leads by ${entries[entries.length - 1]}` : "";
      element.setAttribute("aria-label", `${entries.length} of ${of} minutes${last}`);
    },
  };
};

export const signalItem = (signal) => {
  const size = isKnown(signal.size_u6) ? ` ${shares(signal.size_u6)}` : "";
  const side = signal.side === "sell" || signal.side < 0 ? "Sell" : "Buy";
  return el(
    "li",
    { class: signal.refused ? "refused" : null },
    el("time", {}, utc(ms(signal.recv_ns))),
    el("a", { href: `#/game/${encodeURIComponent(signal.game_id)}` }, `${side}${size} ${signal.team}`),
    el("span", { class: "n" }, `fair ${cents(signal.fair_u6)}, ask ${cents(signal.ask_u6)}: `, el("b", {}, signed(signal.edge_u6))),
    signal.refused ? el("span", { class: "fine" }, `no order: ${String(signal.refused).replaceAll("_", " ")}`) : null,
  );
};

const makeHealth = () => {
  const word = el("b");
  const reasons = el("ul", { class: "reasons" });
  const body = el("tbody");
  const head = ["Feed", "Age", "per s", "Gaps"].map((name) => el("th", { scope: "col" }, name));
  const section = el(
    "section",
    { id: "health", hidden: true },
    el("h2", {}, "Feeds: ", word),
    reasons,
    el("table", {}, el("thead", {}, el("tr", {}, ...head)), body),
  );
  return {
    section,
    paint() {
      const { health } = night;
      section.hidden = !health;
      if (!health) return;
      say(word, night.isLost ? "not known" : health.status);
      mark(section, "old", night.isLost);
      mark(word, "bad", night.isLost || health.status !== "ok");
      reasons.replaceChildren(...health.reasons.map((reason) => el("li", {}, reason)));
      body.replaceChildren(
        ...health.feeds.map((feed) =>
          el(
            "tr",
            { class: feed.state === "LIVE" ? null : "bad" },
            el("th", { scope: "row" }, feed.feed, el("span", { class: "state" }, feed.state.toLowerCase())),
            el("td", { class: "n" }, age(feed.age_ms)),
            el("td", { class: "n" }, isKnown(feed.per_s) ? feed.per_s.toFixed(1) : NONE),
            el("td", { class: "n" }, String(feed.gaps ?? NONE)),
          ),
        ),
      );
    },
  };
};

export const paintHeader = (serverMs) => {
  const link = byId("link");
  say(byId("label"), night.label.toUpperCase());
  byId("label").hidden = !night.label;
  say(byId("clock"), serverMs === null ? "" : `${utc(serverMs)} UTC`);
  const words = night.tape ? "recorded" : !night.isLost ? "live" : night.lostAt === null ? "connecting" : "not connected";
  say(link, words);
  mark(link, "bad", night.isLost && !night.tape);
  const lost = byId("lost");
  const isShown = night.isLost && night.lostAt !== null;
  // Said once: an alert that changes is read out again.
  const when = isShown && night.lostMs !== null ? ` at ${utc(night.lostMs)} UTC` : "";
  if (isShown) say(lost, `Connection lost${when}. Nothing on this page is current; trying again.`);
  lost.hidden = !isShown;
  mark(document.body, "islost", isShown);
};
