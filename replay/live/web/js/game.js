// One game: what stands now, its course on one time axis, its signals, and the course as a table.

import { makePattern, other, quote, signalItem } from "./board.js";
import { clockWords, makeCharts } from "./chart.js";
import { el, mark, say } from "./dom.js";
import { courtTime, lastAt, readHistory, scoreChanges } from "./history.js";
import { freshness, night, now, signalKey, whyStale } from "./night.js";
import { getLong } from "./wire.js";
import { NONE, age, cents, isKnown, ms, points, shares, signed, standing, utc } from "./words.js";

const POINTS = 1_200;
const GROW_EVERY_MS = 1_000;
const ASK_AGAIN_MS = 5_000;
const FACTS = ["score", "clock", "market", "model", "edge", "forecast", "seen", "moved"];
const TITLES = {
  score: "Score",
  clock: "Clock",
  market: "Bid – ask, size",
  model: "Model",
  edge: "Edge",
  forecast: "Margin predicted",
  seen: "Score seen",
  moved: "Book moved",
};

export const makeGame = (page, gameId, { changed, seek }) => {
  const title = el("h1");
  const why = el("p", { class: "why", role: "status" });
  const facts = Object.fromEntries(FACTS.map((name) => [name, el("dd")]));
  const pattern = makePattern();
  const chartBox = el("div", { class: "charts" }, el("p", { class: "empty" }, "The course of the game is being read."));
  const axis = el("button", { type: "button", "aria-pressed": "false", hidden: true }, "By game clock");
  const signals = el("ol", { class: "signals wide", tabindex: "0", "aria-label": "Signals of this game, newest first" });
  const table = el("tbody");
  const gaps = el("p", { class: "fine" });
  const heads = ["UTC", "Clock", "Away", "Home", "Market", "Model"].map((name) => el("th", { scope: "col" }, name));
  page.replaceChildren(
    el(
      "div",
      { class: "one" },
      el(
        "section",
        {},
        el("p", { class: "back" }, el("a", { href: "#/" }, "← All games")),
        title,
        why,
        el("dl", { class: "figures" }, ...FACTS.map((name) => el("div", {}, el("dt", {}, TITLES[name]), facts[name])),
          el("div", {}, el("dt", {}, "Pattern"), el("dd", {}, pattern.element))),
      ),
      el("section", { "aria-label": "Course of the game" }, el("div", { class: "tools" }, axis), chartBox, gaps),
      el("section", {}, el("h2", {}, "Signals"), signals),
      el(
        "details",
        { class: "course" },
        el("summary", {}, "The course as a table"),
        el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Course of the game" },
          el("table", {}, el("thead", {}, el("tr", {}, ...heads)), table)),
      ),
    ),
  );

  let history = null;
  let historyOf = null; // how many losses it has outlived
  let isAsking = false;
  let askAt = 0;
  let charts = null;
  let isByCourt = false;
  let told = null;
  let grownAt = 0;
  let isClosed = false;

  axis.addEventListener("click", () => {
    isByCourt = !isByCourt;
    axis.setAttribute("aria-pressed", String(isByCourt));
    charts.show(history, isByCourt);
  });

  const open = async () => {
    if (isAsking || performance.now() < askAt) return;
    isAsking = true;
    const losses = night.losses;
    try {
      const answer = await getLong(`/v1/history/${encodeURIComponent(gameId)}?points=${POINTS}`);
      history = readHistory(answer);
    } catch {
      askAt = performance.now() + ASK_AGAIN_MS;
      return;
    } finally {
      isAsking = false;
    }
    const { state } = night.games.get(gameId) ?? {};
    if (isClosed || !state) return;
    historyOf = losses;
    const home = state.tokens?.home?.token_id;
    history.signals.forEach((signal) => (signal.is_home = signal.token_id === home));
    charts ??= makeCharts(chartBox, { league: state.league, home: state.home, onSeek: night.tape ? seek : null });
    charts.show(history, isByCourt);
    axis.hidden = courtTime(history, state.league) === null;
    fillTable(table, history, state.league);
    say(gaps, gapWords(history.gaps));
    changed();
  };

  const grow = (entry) => {
    if (night.tape || told === entry || performance.now() - grownAt < GROW_EVERY_MS) return;
    told = entry;
    grownAt = performance.now();
    append(history, entry.state, now(), night.signals.filter((signal) => signal.game_id === gameId));
    charts.grow(history);
    if (scoreChanges(history).length !== table.rows.length) fillTable(table, history, entry.state.league);
  };

  return {
    paint() {
      const entry = night.games.get(gameId);
      if (!entry) {
        say(title, night.nowMs === null ? "" : "No such game tonight");
        return;
      }
      paintFacts(entry, { title, why, facts, pattern });
      const mine = night.signals.filter((signal) => signal.game_id === gameId);
      const keys = mine.map(signalKey).join();
      if (signals.dataset.keys !== keys) signals.replaceChildren(...mine.map(signalItem));
      signals.dataset.keys = keys;
      // What happened while the connection was lost is in no news.
      if (charts === null || (!night.isLost && historyOf !== night.losses)) open();
      if (charts !== null) grow(entry);
      charts?.setMoment(night.tape ? night.nowMs : null);
    },
    restyle: () => charts?.restyle(),
    close() {
      isClosed = true;
      charts?.close();
    },
    // What the scrubber steps to, and how it translates the clock; null until the history is there.
    steps: () =>
      charts && {
        history,
        league: night.games.get(gameId).state.league,
        signal: history.signals.map((signal) => ms(signal.recv_ns)),
        score: scoreChanges(history).map(([at]) => at),
        gap: history.gaps.map(([at]) => at),
        clock: (at) => clockWords(history, night.games.get(gameId).state.league, at),
      },
  };
};

const paintFacts = (entry, { title, why, facts, pattern }) => {
  const { state } = entry;
  const fresh = freshness(entry);
  const { home } = state.tokens ?? {};
  say(title, `${state.away} at ${state.home}`);
  say(why, whyStale(entry, fresh));
  why.hidden = !why.textContent;
  say(facts.score, isKnown(state.home_score) ? `${state.away_score} – ${state.home_score}` : NONE);
  say(facts.clock, standing(state));
  say(facts.market, `${quote(home)}${isKnown(home?.ask_size_u6) ? `, ${shares(home.ask_size_u6)}` : ""}`);
  say(facts.model, `${cents(state.model_home_u6)} / ${cents(other(state.model_home_u6))}`);
  const edge = fresh.any ? null : state.edge_u6;
  say(facts.edge, `${signed(edge?.home)} / ${signed(edge?.away)}`);
  say(facts.forecast, forecast(state.prediction));
  say(facts.seen, age(fresh.ages.game));
  say(facts.moved, `${age(fresh.ages.home)} / ${age(fresh.ages.away)}`);
  pattern.paint(state.pattern);
  for (const name of ["score", "clock", "seen", "model", "forecast"]) mark(facts[name], "old", fresh.game);
  for (const name of ["market", "moved"]) mark(facts[name], "old", fresh.book.home);
  mark(facts.edge, "old", fresh.any);
  mark(pattern.element, "old", fresh.game);
};

const finalOf = (prediction) => prediction?.forecasts.find((one) => one.horizon === "final");

const forecast = (prediction) => {
  const found = finalOf(prediction);
  return found ? `${points(found.point_forecast)} [${points(found.interval_lower)}, ${points(found.interval_upper)}]` : NONE;
};

const append = (history, state, at, signals) => {
  const book = state.tokens?.home;
  const put = (series, ...values) => series.push([at, ...values]);
  const isQuoted = isKnown(book?.mid_u6) && isKnown(book?.bid_u6) && isKnown(book?.ask_u6);
  put(history.mid, isQuoted ? book.mid_u6 / 1e4 : null);
  put(history.spread, isQuoted ? (book.ask_u6 - book.bid_u6) / 1e4 : null);
  put(history.model, isKnown(state.model_home_u6) ? state.model_home_u6 / 1e4 : null);
  put(history.clock, state.period, state.clock_ms);
  if (isKnown(state.home_score)) put(history.score, state.home_score, state.away_score);
  const margin = finalOf(state.prediction);
  if (margin) put(history.prediction, margin.interval_lower, margin.point_forecast, margin.interval_upper);
  const known = new Set(history.signals.map(signalKey));
  for (const signal of signals) {
    if (!known.has(signalKey(signal))) history.signals.push({ ...signal, is_home: signal.token_id === book?.token_id });
  }
};

const fillTable = (body, history, league) => {
  const at = (series, time) => {
    const k = lastAt(series, time);
    return k < 0 || series[k][1] === null ? NONE : series[k][1].toFixed(1);
  };
  const rows = scoreChanges(history).map(([time, home, away]) => {
    const cells = [utc(time), clockWords(history, league, time), away, home, at(history.mid, time), at(history.model, time)];
    return el("tr", {}, ...cells.map((words) => el("td", {}, String(words))));
  });
  body.replaceChildren(...rows);
};

const gapWords = (gaps) => {
  if (!gaps.length) return "No gap.";
  const shown = gaps.slice(0, 8).map(([from, to, feed]) => `${feed} ${utc(from)} for ${age(to - from)}`);
  return `Gaps: ${shown.join(", ")}${gaps.length > 8 ? `, and ${gaps.length - 8} more` : ""}.`;
};
