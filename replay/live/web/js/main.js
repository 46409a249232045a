// Which page is shown, and when it is painted: at once when something is heard, and once a second because ages grow.

import { makeBoard, paintHeader } from "./board.js";
import { byId, el } from "./dom.js";
import { find, night, now } from "./night.js";
import { follow, keepToken, openNight } from "./wire.js";

let view = null; // { paint, close? }
let scrubber = null;
let isDue = false;

const paint = () => {
  isDue = false;
  paintHeader(now());
  view?.paint();
  scrubber?.paint();
};

// However much is heard, the page is painted once a frame.
const changed = () => {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(paint);
};

// "#/game/nba:1?at=2026-01-16T01:02:03.000Z" -> the game and the moment; a part that is not there is null.
export const readPlace = (hash = location.hash) => {
  const [path, query] = hash.slice(1).split("?");
  const found = /^\/game\/([^/]+)$/.exec(path);
  const at = Date.parse(new URLSearchParams(query).get("at") ?? "");
  return { gameId: found ? decodeURIComponent(found[1]) : null, atMs: Number.isNaN(at) ? null : at };
};

let shown;
let turn = 0;

const route = async (hash) => {
  const { gameId, atMs } = readPlace(hash);
  if (atMs !== null) scrubber?.seek(atMs);
  if (shown === gameId) return;
  shown = gameId;
  const mine = ++turn;
  view?.close?.();
  view = null;
  if (gameId === null) {
    view = makeBoard(byId("page"));
  } else {
    const { makeGame } = await import("./game.js");
    if (turn !== mine) return;
    view = makeGame(byId("page"), gameId, { changed, seek: (at) => scrubber?.seek(at) });
  }
  scrubber?.show(view.steps ?? null);
  paint();
};

const setTheme = () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  view?.restyle?.();
};

const start = async () => {
  byId("theme").addEventListener("click", setTheme);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view?.restyle?.());
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault(); // a bare #page would be taken for a place
    byId("page").focus();
  });
  // The event's own address: by now a moment that is played may have been written over it.
  addEventListener("hashchange", (event) => route(new URL(event.newURL).hash));
  setInterval(changed, 1_000);
  route();
  await openNight(changed, askToken);
  if (night.tape) await startTape();
  else await follow(changed, askToken);
};

// An exposed server answers to who knows its token; the page asks for it and goes on.
const askToken = () =>
  new Promise((resolve) => {
    const token = el("input", { type: "password", id: "token", autocomplete: "off", required: true });
    const submit = (event) => {
      event.preventDefault();
      keepToken(token.value.trim());
      form.remove();
      resolve();
    };
    const form = el("form", { class: "token", onsubmit: submit }, el("label", { for: "token" }, "Token of this server"), token, el("button", {}, "Go on"));
    byId("page").before(form);
    token.focus();
  });

const startTape = async () => {
  find();
  const { makeScrubber } = await import("./scrub.js");
  scrubber = makeScrubber(byId("scrubber"), changed);
  scrubber.open(readPlace().atMs);
  scrubber.show(view?.steps ?? null);
};

start();
