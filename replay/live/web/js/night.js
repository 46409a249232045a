// What is known of the night, and how old it is. Ages are the server's own, plus what has passed here since by a clock
// that only moves forward; this machine's idea of the time of day has no part in it.

const PLAYING = new Set(["live", "break", "delayed"]);
const RANK = { live: 1, break: 1, delayed: 1, scheduled: 2, final: 3 };
const SIGNALS_MAX = 200;
const SCORE_FRESH_MS = { live: 30_000, break: 90_000, delayed: 90_000 };
const BOOK_FRESH_MS = 30_000;
const BLIND = new Set(["cut", "ended"]);

export const night = {
  games: new Map(), // game_id -> { state, heardAt }
  signals: [], // newest first
  health: null,
  isLost: true,
  lostAt: null, // when, by this machine's steady clock, and what the server's time was then
  lostMs: null,
  losses: 0, // how often: what was missed meanwhile has to be asked for
  label: "", // the tape's: what is simulated says so
  tape: null, // { name, label, first_ns, last_ns } where a recorded tape is looked at
  nowMs: null, // the server's time when it last said it, and when that was
  nowAt: 0,
};

export const take = (state) => night.games.set(state.game_id, { state, heardAt: performance.now() });

export const setNow = (nowMs) => {
  night.nowMs = nowMs;
  night.nowAt = performance.now();
};

export const now = () => (night.nowMs === null || night.tape ? night.nowMs : night.nowMs + performance.now() - night.nowAt);

export const lose = () => {
  if (!night.isLost) night.losses += 1;
  if (night.lostAt === null) {
    night.lostAt = performance.now();
    night.lostMs = now();
  }
  night.isLost = true;
};

export const find = () => {
  night.isLost = false;
  night.lostAt = null;
};

// A signal that is told twice, by the answer and by the socket, is one signal.
export const addSignals = (signals) => {
  const known = new Set(night.signals.map(signalKey));
  const fresh = signals.filter((signal) => !known.has(signalKey(signal)));
  if (!fresh.length) return;
  night.signals = [...fresh, ...night.signals].sort((a, b) => b.seq - a.seq).slice(0, SIGNALS_MAX);
};

export const signalKey = (signal) => `${signal.seq}/${signal.token_id}`;

export const isPlaying = (state) => PLAYING.has(state.status);

// Without its engine the server answers, and knows nothing new.
const isBlind = () => BLIND.has(night.health?.engine);

const older = (ms, since) => (ms === null || ms === undefined ? null : ms + since);

// The ages of a game as they are at this moment, and which of its numbers may no longer pass for live. A book that is
// known but has long not moved is quiet: nothing would be decided on it when the score changes.
export const freshness = ({ state, heardAt }) => {
  const since = night.tape ? 0 : performance.now() - heardAt;
  const books = { home: state.tokens?.home, away: state.tokens?.away };
  const ages = {
    game: older(state.game_age_ms, since),
    home: older(books.home?.book_age_ms, since),
    away: older(books.away?.book_age_ms, since),
  };
  const limit = SCORE_FRESH_MS[state.status];
  const isDoubted = (side) => isPlaying(state) && books[side]?.trust !== "known";
  const isBookAtFault = isDoubted("home") || isDoubted("away");
  const isScoreOld = limit !== undefined && (ages.game === null || ages.game > limit);
  const isAllLost = night.isLost || isBlind();
  const game = isAllLost || isScoreOld || (state.is_stale && !isBookAtFault);
  const book = { home: isAllLost || isDoubted("home"), away: isAllLost || isDoubted("away") };
  const quiet = { home: ages.home > BOOK_FRESH_MS, away: ages.away > BOOK_FRESH_MS };
  return { ages, game, book, quiet, any: game || book.home || book.away };
};

export const whyStale = ({ state }, fresh) => {
  if (night.isLost) return night.lostAt === null ? "" : "connection lost";
  if (!fresh.any) return "";
  if (state.why) return state.why;
  if (isBlind()) return "the engine is not running";
  return fresh.game ? "score is old" : "book is not known";
};

// Worst first: what is on and cannot be trusted, then what is on, what is to come, what is over.
export const worstFirst = () => {
  const rank = (entry) => {
    const { state } = entry;
    const isBad = state.is_stale || (isPlaying(state) && !night.isLost && freshness(entry).any);
    return isBad ? 0 : (RANK[state.status] ?? 2);
  };
  const ranked = [...night.games.values()].map((entry) => [rank(entry), entry]);
  return ranked.sort((a, b) => a[0] - b[0]).map(([, entry]) => entry);
};
