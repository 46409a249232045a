// The way to the server: questions over HTTP, news over one WebSocket, and a loud word when neither comes.

import { addSignals, find, lose, night, setNow, take } from "./night.js";
import { ms } from "./words.js";

const HEALTH_EVERY_MS = 5_000;
const ANSWER_WITHIN_MS = 4_000;
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

export const get = async (path) => {
  const token = sessionStorage.getItem(TOKEN);
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { headers, signal: AbortSignal.timeout(ANSWER_WITHIN_MS), cache: "no-store" });
  if (!answer.ok) throw new AnswerError(path, answer.status);
  return answer.json();
};

const openSocket = () => {
  const token = sessionStorage.getItem(TOKEN);
  const protocols = token ? [PROTOCOL, `bearer.${token}`] : [PROTOCOL];
  return new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/ws`, protocols);
};

export const openNight = async () => {
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
      await openNight();
      await catchUp();
      await askHealth();
    } catch (error) {
      if (error.status === 401) await askToken();
      again();
      return;
    }
    socket = openSocket();
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ subscribe: { games: null, leagues: null, types: null } }));
      found();
    });
    socket.addEventListener("message", ({ data }) => {
      hear(JSON.parse(data));
      changed();
    });
    socket.addEventListener("close", again, { once: true });
  };
  const again = () => {
    gone();
    setTimeout(connect, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
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

// Every signal since the newest one known, page by page.
const catchUp = async () => {
  for (;;) {
    const since = night.signals[0]?.seq ?? -1;
    const { signals } = await get(`/v1/signals?since=${since}&limit=${SIGNALS_PAGE}`);
    addSignals(signals);
    if (signals.length < SIGNALS_PAGE) return;
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
