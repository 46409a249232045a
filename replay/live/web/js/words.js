// How figures are said: cents, ages, clocks, moments. "–" stands for what is not known.

export const NONE = "–";
const MINUS = "−";

export const isKnown = (value) => value !== null && value !== undefined;

export const cents = (u6) => (isKnown(u6) ? (u6 / 1e4).toFixed(1) : NONE);

export const signed = (u6) => {
  if (!isKnown(u6)) return NONE;
  const shown = Math.abs(u6 / 1e4).toFixed(1);
  return `${u6 < 0 ? MINUS : "+"}${shown}`;
};

export const points = (value) => `${value < 0 ? MINUS : "+"}${Math.abs(value).toFixed(1)}`;

export const shares = (u6) => (isKnown(u6) ? (u6 / 1e6).toLocaleString("en", { maximumFractionDigits: 0 }) : NONE);

export const age = (ms) => {
  if (!isKnown(ms)) return NONE;
  if (ms < 120_000) return `${Math.floor(Math.max(ms, 0) / 1000)} s`;
  return ms < 7_200_000 ? `${Math.floor(ms / 60_000)} min` : `${Math.floor(ms / 3_600_000)} h`;
};

// What a league calls a period, how many are regulation, how long they are and overtime is, in minutes. Soccer's clock
// counts up through the whole game; baseball has none.
const NBA = { letter: "Q", periods: 4, length: 12, overtime: 5 };
const SOCCER = { letter: "H", periods: 2, length: 45, overtime: 15, isUp: true };
const LEAGUES = {
  nba: NBA,
  wnba: { ...NBA, length: 10 },
  ncaawb: { ...NBA, length: 10 },
  ncaamb: { letter: "H", periods: 2, length: 20, overtime: 5 },
  nhl: { letter: "P", periods: 3, length: 20, overtime: 5 },
  nfl: { ...NBA, length: 15, overtime: 10 },
  ncaaf: { ...NBA, length: 15, overtime: 0 },
  mls: SOCCER,
  epl: SOCCER,
  ucl: SOCCER,
  mlb: { letter: "Inn ", periods: 99 },
};
const MINUTE_MS = 60_000;

const period = (league, number) => {
  const { letter, periods } = LEAGUES[league] ?? NBA;
  if (number <= periods) return `${letter}${number}`;
  return number === periods + 1 ? "OT" : `${number - periods}OT`;
};

// When a period begins and how long it is, as time played; null where a league has no clock.
export const periodSpan = (league, number) => {
  const { periods, length, overtime } = LEAGUES[league] ?? {};
  if (!length) return null;
  const extra = Math.max(number - 1 - periods, 0);
  const from = (Math.min(number - 1, periods) * length + extra * overtime) * MINUTE_MS;
  return { from, length: (number <= periods ? length : overtime) * MINUTE_MS };
};

// How much of a game has been played, overtime included; null where that cannot be said.
export const playedMs = (league, number, clockMs) => {
  if (!isKnown(number) || !isKnown(clockMs) || number < 1) return null;
  const span = periodSpan(league, number);
  if (span === null) return null;
  const into = LEAGUES[league].isUp ? clockMs - span.from : span.length - clockMs;
  return span.from + Math.min(Math.max(into, 0), span.length);
};

export const minutes = (ms) => {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};

export const court = (league, number, clockMs) => {
  if (!isKnown(number) || number < 1) return "";
  return isKnown(clockMs) ? `${period(league, number)} ${minutes(clockMs)}` : period(league, number);
};

export const standing = (state) => {
  const shown = court(state.league, state.period, state.clock_ms);
  const clock = state.status === "live" ? shown || "live" : state.status;
  return state.status === "break" && shown ? `break, ${court(state.league, state.period, null)}` : clock;
};

// The server speaks in nanoseconds, as text; a chart and a clock need no more than the millisecond.
export const ms = (ns) => Number(ns) / 1e6;

export const utc = (atMs) => new Date(atMs).toISOString().slice(11, 19);

export const day = (atMs) => new Date(atMs).toISOString().slice(0, 10);
