// The way to the server: questions over HTTP, news over one WebSocket, and a loud word when neither comes.

import { addSignals, night, setNow, take } from "./night.js";
import { ms } from "./words.js";

const HEALTH_EVERY_MS = 5_000;
const ANSWER_WITHIN_MS = 4_000;
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000];

export const get = async (path) => {
  const answer = await fetch(path, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS), cache: "no-store" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
};

export const openNight = async () => {
  const answer = await get("/v1/games");
  night.tape = answer.tape ?? null;
  setNow(ms(answer.now_ns));
  night.games.clear();
  answer.games.forEach(take);
};

// Follow a live night for ever. changed() is called after whatever has changed.
export const follow = async (changed) => {
  let socket = null;
  let tries = 0;
  const lose = () => {
    if (!night.isLost || night.lostAt === null) night.lostAt = performance.now();
    night.isLost = true;
    changed();
  };
  const found = () => {
    if (!night.isLost || socket?.readyState !== WebSocket.OPEN) return;
    night.isLost = false;
    night.lostAt = null;
    tries = 0;
    changed();
  };
  const connect = async () => {
    try {
      await openNight();
      addSignals((await get("/v1/signals?limit=100")).signals);
      await askHealth();
    } catch {
      again();
      return;
    }
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/ws`);
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
    lose();
    setTimeout(connect, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
  };
  // A socket can be open and the server gone: its health is asked for as well, and no answer means lost.
  setInterval(async () => {
    if (socket?.readyState !== WebSocket.OPEN) return;
    try {
      await askHealth();
      found();
    } catch {
      lose();
    }
    changed();
  }, HEALTH_EVERY_MS);
  await connect();
};

const askHealth = async () => {
  night.health = await get("/v1/health");
};

const hear = (message) => {
  if (message.type === "snapshot") message.games.forEach(take);
  else if (message.type === "state") take(message.game);
  else if (message.type === "signal") addSignals([message.signal ?? message]);
  else if (message.type === "health") night.health = message.health ?? message;
  else if (message.type === "pattern") amend(message.game_id, { pattern: message });
};

const amend = (gameId, part) => {
  const entry = night.games.get(gameId);
  if (entry) entry.state = { ...entry.state, ...part };
};
