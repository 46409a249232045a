// The scrubber over a recorded tape: wall time, game clock, steps from event to event, play. The moment is in the URL.

import { el, mark, say } from "./dom.js";
import { courtTime } from "./history.js";
import { find, lose, night, setNow, take } from "./night.js";
import { ASK_AGAIN_MS, get, insist, pause } from "./wire.js";
import { day, ms, utc } from "./words.js";

const RATES = [1, 5, 20, 60, 300];
const RATE = 20;
const TICK_MS = 200;
const URL_EVERY_MS = 1_000;
const SIGNALS_MAX = 5_000;
const KINDS = [
  ["signal", "s"],
  ["score", "c"],
  ["gap", "g"],
];

export const makeScrubber = (box, changed) => {
  const { first_ns: firstNs, last_ns: lastNs } = night.tape;
  const [firstMs, lastMs] = [Math.ceil(ms(firstNs)), Math.floor(ms(lastNs))];
  const playButton = el("button", { type: "button", class: "play", "aria-keyshortcuts": "Space" }, "Play");
  const rate = el("select", { "aria-label": "Rate" }, ...RATES.map((times) => el("option", { value: times, selected: times === RATE }, `${times}×`)));
  const time = el("output", { class: "moment" });
  const wall = el("input", { type: "range", min: firstMs, max: lastMs, step: 1_000, "aria-label": "Wall time" });
  const courtSlider = el("input", { type: "range", min: 0, max: 1, step: 1_000, "aria-label": "Game clock" });
  const courtRow = el("label", { class: "axis", hidden: true }, el("span", {}, "Game clock"), courtSlider);
  const letters = el("input", { type: "checkbox", checked: true });
  const steppers = Object.fromEntries(KINDS.map(([kind, key]) => [kind, makeStepper(kind, key, (way) => stepTo(kind, way))]));
  box.replaceChildren(
    el(
      "div",
      { class: "bar" },
      playButton,
      rate,
      time,
      el("span", { class: "steppers" }, ...Object.values(steppers).map(({ element }) => element)),
      el("label", { class: "letters" }, letters, "keys s c g, space"),
    ),
    el("label", { class: "axis" }, el("span", {}, "Wall time"), wall),
    courtRow,
  );

  let atMs = firstMs;
  let timer = null;
  let wanted = null;
  let isAsking = false;
  let toldUrlAt = 0;
  let allSignals = [];
  let askSteps = null;
  let played = null;
  let playedOf = null;

  const steps = () => askSteps?.() ?? { signal: allSignals, score: [], gap: [] };

  const paint = () => {
    const mine = steps();
    if (mine.history !== playedOf) {
      playedOf = mine.history;
      played = playedOf ? courtTime(playedOf, mine.league) : null;
      courtRow.hidden = played === null;
      if (played) courtSlider.max = Math.ceil(played.end);
    }
    const clock = mine.clock?.(atMs) ?? "";
    say(time, `${day(atMs)} ${utc(atMs)} UTC${clock && ` · ${clock}`}`);
    wall.value = atMs;
    wall.setAttribute("aria-valuetext", `${utc(atMs)} UTC`);
    if (played) {
      courtSlider.value = played.of(atMs);
      courtSlider.setAttribute("aria-valuetext", clock || "before the game");
    }
    for (const [kind] of KINDS) steppers[kind].paint(mine[kind], atMs);
  };

  const tellUrl = () => {
    toldUrlAt = performance.now();
    const path = location.hash.slice(1).split("?")[0] || "/";
    history.replaceState(null, "", `#${path}?at=${new Date(atMs).toISOString()}`);
  };

  // However quickly the moment moves, one question is under way, and the next one is about where it is by then.
  const ask = async () => {
    if (isAsking) return;
    isAsking = true;
    while (wanted !== null) {
      const at = wanted;
      wanted = null;
      try {
        const answer = await get(`/v1/moments?at_ns=${at}000000`);
        answer.games.forEach(take);
        night.signals = answer.signals;
        setNow(at);
        find();
      } catch {
        lose();
        stop();
        changed();
        wanted ??= at;
        await pause(ASK_AGAIN_MS);
        continue;
      }
      changed();
    }
    isAsking = false;
  };

  const go = (at, isQuick = false) => {
    atMs = Math.min(Math.max(Math.round(at), firstMs), lastMs);
    wanted = atMs;
    paint();
    if (!isQuick || performance.now() - toldUrlAt > URL_EVERY_MS) tellUrl();
    ask();
  };

  const stop = () => {
    clearInterval(timer);
    timer = null;
    say(playButton, "Play");
    mark(playButton, "on", false);
  };

  const toggle = () => {
    if (timer !== null) {
      stop();
      tellUrl();
      return;
    }
    let before = performance.now();
    say(playButton, "Pause");
    mark(playButton, "on", true);
    timer = setInterval(() => {
      const at = performance.now();
      go(atMs + (at - before) * Number(rate.value), true);
      before = at;
      if (atMs >= lastMs) stop();
    }, TICK_MS);
  };

  const stepTo = (kind, way) => {
    const next = neighbour(steps()[kind], atMs, way);
    if (next !== null) go(next);
  };

  playButton.addEventListener("click", toggle);
  wall.addEventListener("input", () => go(Number(wall.value), true));
  wall.addEventListener("change", tellUrl);
  courtSlider.addEventListener("input", () => go(played.wall(Number(courtSlider.value)), true));
  courtSlider.addEventListener("change", tellUrl);
  addEventListener("keydown", (event) => {
    if (!letters.checked || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof Element && event.target.closest("select, button, a, summary, [type=checkbox]") && event.key === " ") return;
    const found = KINDS.find(([, key]) => key === event.key.toLowerCase());
    if (found) stepTo(found[0], event.shiftKey ? -1 : 1);
    else if (event.key === " ") toggle();
    else return;
    event.preventDefault();
  });
  box.hidden = false;
  document.body.classList.add("taped");

  return {
    async open(at) {
      go(at ?? ms(night.tape.begin_ns));
      allSignals = (await insist(`/v1/signals?limit=${SIGNALS_MAX}`)).signals.map((signal) => ms(signal.recv_ns));
      changed();
    },
    paint,
    seek: (at) => Math.abs(at - atMs) >= 1 && go(at),
    // The page that is shown now, and what it has to step to.
    show(newSteps) {
      askSteps = newSteps;
      // A moment that the address names already may be one that we have yet to hear of: it is not written over.
      if (!location.hash.includes("?at=")) tellUrl();
      changed();
    },
  };
};

// Events are told to the nanosecond and moments to the millisecond, so an event's moment is the next whole one.
export const neighbour = (times, atMs, way) => {
  const whole = times.map(Math.ceil);
  const found = way > 0 ? whole.filter((at) => at > atMs) : whole.filter((at) => at < atMs);
  if (!found.length) return null;
  return way > 0 ? Math.min(...found) : Math.max(...found);
};

const makeStepper = (kind, key, onStep) => {
  const button = (way, sign) =>
    el("button", { type: "button", "aria-label": `${way > 0 ? "Next" : "Previous"} ${kind}`, "aria-keyshortcuts": way > 0 ? key : `Shift+${key}`, onclick: () => onStep(way) }, sign);
  const [back, on] = [button(-1, "◀"), button(1, "▶")];
  return {
    element: el("span", { class: "stepper" }, back, el("span", {}, kind), on),
    paint(times, atMs) {
      back.disabled = neighbour(times, atMs, -1) === null;
      on.disabled = neighbour(times, atMs, 1) === null;
    },
  };
};
