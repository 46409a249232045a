// The course of one game as columns over one time axis: what was known then, step by step, never in between.

import { isKnown, ms, playedMs } from "./words.js";

const rows = (series, scale = 1) =>
  (series ?? []).map(([at, ...values]) => [ms(at), ...values.map((value) => (isKnown(value) && value !== -1 ? value / scale : null))]);

export const readHistory = (answer) => ({
  score: (answer.series.score ?? []).map(([at, home, away]) => [ms(at), home, away]),
  mid: rows(answer.series.mid_home_u6, 1e4),
  spread: rows(answer.series.spread_u6, 1e4),
  model: rows(answer.series.model_home_u6, 1e4),
  prediction: (answer.series.prediction ?? []).map(([at, ...values]) => [ms(at), ...values]),
  clock: (answer.series.clock ?? []).map(([at, period, clockMs]) => [ms(at), period, clockMs]),
  signals: answer.signals ?? [],
  gaps: (answer.gaps ?? []).map(([from, to, feed]) => [ms(from), ms(to), feed]),
});

// The last of so many moments, in order, that is not after another one; -1 before the first.
export const lastOf = (count, timeOf, at) => {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeOf(middle) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
};

export const lastAt = (table, at) => lastOf(table.length, (k) => table[k][0], at);

const filled = (times, table, pick) => {
  let k = -1;
  return times.map((at) => {
    while (k + 1 < table.length && table[k + 1][0] <= at) k += 1;
    return k < 0 ? null : pick(table[k]);
  });
};

export const columns = (history) => {
  const { score, mid, spread, model, prediction } = history;
  const times = new Set([score, mid, spread, model, prediction].flatMap((table) => table.map(([at]) => at)));
  const x = [...times].sort((a, b) => a - b);
  const value = (row) => row[1];
  const middle = filled(x, mid, value);
  const wide = filled(x, spread, value);
  const edge = (sign) => middle.map((at, k) => (at === null || wide[k] === null ? null : at + (sign * wide[k]) / 2));
  return {
    x,
    mid: middle,
    bid: edge(-1),
    ask: edge(1),
    model: filled(x, model, value),
    home: filled(x, score, (row) => row[1]),
    away: filled(x, score, (row) => row[2]),
    lead: filled(x, score, (row) => row[1] - row[2]),
    low: filled(x, prediction, (row) => row[1]),
    point: filled(x, prediction, (row) => row[2]),
    high: filled(x, prediction, (row) => row[3]),
  };
};

// Wall time -> how much of the game has been played, and back. Between two sights of the clock it is taken to have run.
export const courtTime = (history, league) => {
  const between = (table, from, to, value) => {
    let low = 0;
    let high = table.length - 1;
    if (value <= table[0][from]) return table[0][to];
    if (value >= table[high][from]) return table[high][to];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (table[middle][from] <= value) low = middle;
      else high = middle;
    }
    const span = table[high][from] - table[low][from];
    const part = span > 0 ? (value - table[low][from]) / span : 0;
    return table[low][to] + part * (table[high][to] - table[low][to]);
  };
  // A clock that was set back must not fold the axis over.
  let furthest = 0;
  const table = history.clock
    .map(([at, period, clockMs]) => [at, playedMs(league, period, clockMs)])
    .filter(([, played]) => played !== null)
    .map(([at, played]) => [at, (furthest = Math.max(furthest, played))]);
  return table.length < 2
    ? null
    : { of: (at) => between(table, 0, 1, at), wall: (played) => between(table, 1, 0, played), end: table[table.length - 1][1] };
};

// The rows in which the score changed, as moments to step to and as a table to read.
export const scoreChanges = (history) =>
  history.score.filter(([, home, away], k) => k > 0 && (home !== history.score[k - 1][1] || away !== history.score[k - 1][2]));
