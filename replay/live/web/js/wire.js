// The way to the server: questions over HTTP, news over one WebSocket, and a loud word when neither comes.

import { addSignals, find, lose, night, setNow, take } from "./night.js";
import { ms } from "./words.js";

const HEALTH_EVERY_MS = 5_000;
const ANSWER_WITHIN_MS = 4_000;
// What takes long is waited for: cut off and asked for anew it would be begun anew, and on a slow machine never end.
const LONG_ANSWER_WITHIN_MS = 120_000;
export const ASK_AGAIN_MS = 1_000;
const SIGNALS_PAGE = 1_000;
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000];

// An exposed server asks for a token. It is kept for this tab, and goes into a header, never into an address.
const TOKEN = "gametape.token";
const PROTOCOL = "gametape.v1";

export const keepToken = (token) => sessionStorage.setItem(TOKEN, token);

export class AnswerError extends Error {
  constructor(path, status) {
    super(`${path}: ${status}`);
    this.status = status;
  }
}

export const get = async (path, withinMs = ANSWER_WITHIN_MS) => {
  const token = sessionStorage.getItem(TOKEN);
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { headers, signal: AbortSignal.timeout(withinMs), cache: "no-store" });
  if (!answer.ok) throw new AnswerError(path, answer.status);
  return answer.json();
};

export const getLong = (path) => get(path, LONG_ANSWER_WITHIN_MS);

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// However often the question fails, there is an answer in the end.
export const insist = async (path) => {
  for (;;) {
    try {
      return await getLong(path);
    } catch {
      await pause(ASK_AGAIN_MS);
    }
  }
};

const retryMs = (tries) => RETRY_MS[Math.min(tries, RETRY_MS.length - 1)];

const openSocket = () => {
  const token = sessionStorage.getItem(TOKEN);
  const protocols = token ? [PROTOCOL, `bearer.${token}`] : [PROTOCOL];
  return new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/ws`, protocols);
};

// Whether this is a night or a tape decides all that follows, so it is asked until it is known.
export const openNight = async (changed, askToken) => {
  for (let tries = 0; ; tries += 1) {
    try {
      await askNight();
      changed();
      return;
    } catch (error) {
      if (error.status === 401) {
        await askToken();
        continue;
      }
      lose();
      changed();
      await pause(retryMs(tries));
    }
  }
};

const askNight = async () => {
  const answer = await get("/v1/games");
  night.tape = answer.tape ?? null;
  night.label = answer.label;
  setNow(ms(answer.now_ns));
  night.games.clear();
  answer.games.forEach(take);
};

// Follow a live night for ever. changed() is called after whatever has changed; askToken() returns when there is one.
export const follow = async (changed, askToken) => {
  let socket = null;
  let tries = 0;
  const gone = () => {
    lose();
    changed();
  };
  const found = () => {
    if (!night.isLost || socket?.readyState !== WebSocket.OPEN) return;
    find();
    tries = 0;
    changed();
  };
  const connect = async () => {
    try {
      await askNight();
      await catchUp();
      await askHealth();
    } catch (error) {
      if (error.status === 401) await askToken();
      again();
      return;
    }
    const opened = openSocket();
    socket = opened;
    opened.addEventListener("open", () => {
      opened.send(JSON.stringify({ subscribe: { games: null, leagues: null, types: null } }));
      found();
    });
    opened.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      hear(message);
      changed();
      // What was signalled between the answer and the subscription was told by neither.
      if (message.type === "snapshot") catchUp().then(changed, () => opened.close());
    });
    opened.addEventListener("close", again, { once: true });
  };
  const again = () => {
    gone();
    setTimeout(connect, retryMs(tries++));
  };
  // A socket can be open and the server gone: its health is asked for as well, and no answer means lost.
  setInterval(async () => {
    if (socket?.readyState !== WebSocket.OPEN) return;
    try {
      await askHealth();
      found();
    } catch {
      gone();
    }
    changed();
  }, HEALTH_EVERY_MS);
  await connect();
};

// Every signal since the newest one known by now, page by page, whatever else is heard meanwhile.
const catchUp = async () => {
  let since = night.signals[0]?.seq ?? -1;
  for (;;) {
    const answer = await get(`/v1/signals?since=${since}&limit=${SIGNALS_PAGE}`);
    addSignals(answer.signals);
    if (answer.signals.length < SIGNALS_PAGE) return;
    since = answer.next_since;
  }
};

const askHealth = async () => {
  night.health = await get("/v1/health");
};

const hear = (message) => {
  const { type, game_id: gameId } = message;
  if (type === "snapshot") message.games.forEach(take);
  else if (type === "state") take(message.game);
  else if (type === "signal") addSignals([message]);
  else if (type === "health") night.health = message.health;
  else if (type === "pattern") amend(gameId, { pattern: message });
  else if (type === "prediction") amend(gameId, { prediction: message.prediction });
};

const amend = (gameId, part) => {
  const entry = night.games.get(gameId);
  if (entry) entry.state = { ...entry.state, ...part };
};
