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

// Leagues by what they call a period and how many of them are regulation.
const PERIODS = { ncaamb: ["H", 2], nhl: ["P", 3], mlb: ["Inn ", 99], mls: ["H", 2], epl: ["H", 2], ucl: ["H", 2] };

const period = (league, number) => {
  const [letter, regulation] = PERIODS[league] ?? ["Q", 4];
  if (number <= regulation) return `${letter}${number}`;
  return number === regulation + 1 ? "OT" : `${number - regulation}OT`;
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
