// Two charts on one time axis: prices above, home's lead below; gaps shaded, signals marked, one cursor.

import uPlot from "../vendor/uPlot.esm.js";
import { el } from "./dom.js";
import { columns, courtTime, lastAt, lastOf } from "./history.js";
import { NONE, court, isKnown, minutes, ms, periodSpan, points, utc } from "./words.js";

const HEIGHTS = [300, 190];
const SIGNAL_PX = 6;
const DRAG_PX = 8;
const MINUTE_MS = 60_000;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const step = uPlot.paths.stepped({ align: 1 });

const faint = (hex) => `${hex}26`;

// onSeek(ms) is called for a click, or Enter under the keyboard's cursor, where a recorded tape is looked at.
export const makeCharts = (box, { league, home, onSeek }) => {
  const readout = el("p", { class: "readout" });
  const plots = el("div", {
    class: "plots",
    tabindex: "0",
    role: "slider",
    "aria-label": `Course of the game. Arrow keys move the cursor${onSeek ? ", Enter goes there" : ""}.`,
    "aria-valuemin": "0",
    "aria-valuemax": "0",
    "aria-valuenow": "0",
  });
  box.replaceChildren(plots, readout, makeKey());
  let charts = [];
  let data = null;
  let history = null;
  let byCourt = false;
  let played = null;
  let momentMs = null;

  const toX = (at) => (byCourt ? played.of(at) : at);
  const toWall = (x) => (byCourt ? played.wall(x) : x);

  const describe = (k) => {
    const at = data.x[k];
    const price = (value) => (isKnown(value) ? `${value.toFixed(1)} c` : NONE);
    const clock = clockWords(history, league, at);
    const score = isKnown(data.home[k]) ? `${data.away[k]} – ${data.home[k]}` : NONE;
    const band = isKnown(data.bid[k]) ? ` (${data.bid[k].toFixed(1)} – ${data.ask[k].toFixed(1)})` : "";
    const guess = isKnown(data.point[k])
      ? ` · final margin ${points(data.point[k])} [${points(data.low[k])}, ${points(data.high[k])}]`
      : "";
    return `${utc(at)} UTC${clock && ` · ${clock}`} · ${score} · market ${price(data.mid[k])}${band} · model ${price(data.model[k])}${guess}`;
  };

  const tell = (k) => {
    if (!isKnown(k) || !data.x.length) return;
    const words = describe(k);
    if (readout.textContent === words) return;
    readout.textContent = words;
    plots.setAttribute("aria-valuenow", String(k));
    plots.setAttribute("aria-valuetext", words);
  };

  const build = () => {
    charts.forEach((chart) => chart.destroy());
    plots.replaceChildren();
    charts = [priceOptions(home), leadOptions()].map(({ title, series, bands, scale }, number) => {
      const options = {
        title,
        width: Math.max(plots.clientWidth, 200),
        height: HEIGHTS[number],
        ms: 1,
        tzDate: (at) => uPlot.tzDate(new Date(at), "UTC"),
        legend: { show: false },
        scales: { x: { time: !byCourt }, y: scale },
        axes: [timeAxis(byCourt ? league : null), valueAxis()],
        series: [{}, ...series],
        bands,
        cursor: { sync: { key: "game" }, drag: { x: true, y: false, dist: DRAG_PX }, points: { size: 6 } },
        hooks: {
          setCursor: [(chart) => tell(chart.cursor.idx)],
          drawAxes: [(chart) => drawGaps(chart, history.gaps, toX)],
          draw: number === 0 ? [(chart) => drawSignals(chart, history.signals, toX, home)] : [],
          setScale: [placeMoment],
          setSize: [placeMoment],
        },
      };
      const chart = new uPlot(options, table(number), plots);
      chart.over.append(el("div", { class: "later", hidden: true }));
      if (onSeek) listen(chart);
      return chart;
    });
    sayLength();
    charts.forEach(placeMoment);
  };

  const sayLength = () => plots.setAttribute("aria-valuemax", String(Math.max(data.x.length - 1, 0)));

  const listen = (chart) => {
    let downAt = 0;
    chart.over.addEventListener("mousedown", (event) => (downAt = event.clientX));
    chart.over.addEventListener("click", (event) => {
      if (Math.abs(event.clientX - downAt) < DRAG_PX) onSeek(toWall(chart.posToVal(chart.cursor.left, "x")));
    });
  };

  const table = (number) => {
    const x = data.x.map(toX);
    return number === 0 ? [x, data.bid, data.ask, data.mid, data.model] : [x, data.low, data.high, data.point, data.lead];
  };

  // What lies after the moment looked at is veiled: then, nobody knew it.
  const placeMoment = (chart) => {
    const veil = chart.over.querySelector(".later");
    if (!veil) return;
    veil.hidden = momentMs === null;
    if (momentMs === null) return;
    const left = Math.min(Math.max(chart.valToPos(toX(momentMs), "x"), 0), chart.over.clientWidth);
    veil.style.left = `${left}px`;
  };

  plots.addEventListener("keydown", (event) => {
    const chart = charts[0];
    if (!chart || !data.x.length) return;
    const last = data.x.length - 1;
    const jump = Math.max(Math.round(last / 20), 1);
    const k = chart.cursor.idx ?? 0;
    const next = { ArrowLeft: k - 1, ArrowRight: k + 1, PageDown: k + jump, PageUp: k - jump, Home: 0, End: last }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      const to = Math.min(Math.max(next, 0), last);
      chart.setCursor({ left: chart.valToPos(toX(data.x[to]), "x"), top: chart.over.clientHeight / 2 });
      tell(to);
    } else if (event.key === "Enter" && onSeek) {
      onSeek(data.x[k]);
    }
  });

  const watcher = new ResizeObserver(() => {
    charts.forEach((chart, number) => chart.setSize({ width: Math.max(plots.clientWidth, 200), height: HEIGHTS[number] }));
  });
  watcher.observe(plots);

  return {
    show(next, isByCourt) {
      history = next;
      data = columns(history);
      played = courtTime(history, league);
      byCourt = isByCourt && played !== null;
      build();
    },
    grow(next) {
      history = next;
      data = columns(history);
      charts.forEach((chart, number) => chart.setData(table(number)));
      sayLength();
    },
    setMoment(at) {
      if (at === momentMs) return;
      momentMs = at;
      charts.forEach(placeMoment);
      if (at !== null && data) tell(Math.max(lastOf(data.x.length, (k) => data.x[k], at), 0));
    },
    restyle: () => history && build(),
    close() {
      watcher.disconnect();
      charts.forEach((chart) => chart.destroy());
    },
  };
};

export const clockWords = (history, league, at) => {
  const k = lastAt(history.clock, at);
  return k < 0 ? "" : court(league, history.clock[k][1], history.clock[k][2]);
};

const makeKey = () => {
  const entry = (css, words) => [el("span", { class: `key ${css}` }), words];
  return el(
    "p",
    { class: "legend" },
    ...entry("kb", "market, mid and from bid to ask"),
    ...entry("ka", "model, and the final margin predicted"),
    ...entry("kc", "home's lead"),
    ...entry("gapkey", "gap"),
    el("span", { class: "trikey" }, "△▽"),
    "signal for home, for away",
  );
};

const line = (label, name, more = {}) => ({ label, stroke: colour(name), width: 1.6, paths: step, points: { show: false }, ...more });

const priceOptions = (home) => ({
  title: `Price and probability of ${home}, cents`,
  scale: { range: (_, low, high) => padded(low, high, 10, 0, 100) },
  series: [
    line("bid", "--b", { width: 0 }),
    line("ask", "--b", { width: 0 }),
    line("market", "--b"),
    line("model", "--a"),
  ],
  bands: [{ series: [2, 1], fill: faint(colour("--b")) }],
});

const leadOptions = () => ({
  title: "Home's lead, points",
  scale: { range: (_, low, high) => padded(low, high, 4, -999, 999) },
  series: [
    line("from", "--a", { width: 0 }),
    line("to", "--a", { width: 0 }),
    line("predicted margin", "--a", { dash: [4, 4] }),
    line("lead", "--c", { width: 2 }),
  ],
  bands: [{ series: [2, 1], fill: faint(colour("--a")) }],
});

const padded = (low, high, least, floor, ceiling) => {
  if (!isKnown(low)) return [0, least];
  const spare = Math.max(least - (high - low), (high - low) * 0.1) / 2;
  return [Math.max(low - spare, floor), Math.min(high + spare, ceiling)];
};

const axis = (more) => ({
  stroke: colour("--soft"),
  font: "12px system-ui, sans-serif",
  grid: { stroke: colour("--grid"), width: 1 },
  ticks: { stroke: colour("--line"), width: 1, size: 4 },
  ...more,
});

const valueAxis = () => axis({ size: 44, values: (_, splits) => splits.map((value) => String(value).replace("-", "−")) });

const wallTimes = (_, splits, __, ___, step) => splits.map((at) => (step < MINUTE_MS ? utc(at) : utc(at).slice(0, 5)));

// By wall time, or where a league is given by its game clock: a name for every period, for its middle what is left.
const timeAxis = (league) => {
  if (league === null) return axis({ size: 34, space: 70, values: wallTimes });
  const named = (end) => {
    const found = [];
    for (let number = 1, at = 0; at <= end; number += 1) {
      const { from, length } = periodSpan(league, number);
      if (length === 0) break;
      found.push([from, court(league, number, null)], [from + length / 2, minutes(length / 2)]);
      at = from + length;
    }
    return found;
  };
  return axis({
    size: 34,
    splits: (_, __, low, high) => named(high).map(([at]) => at).filter((at) => at >= low && at <= high),
    values: (_, splits) => splits.map((at) => named(at).find(([from]) => from === at)?.[1] ?? ""),
  });
};

const drawGaps = ({ ctx, bbox, valToPos }, gaps, toX) => {
  ctx.save();
  ctx.fillStyle = colour("--gap");
  for (const [from, to] of gaps) {
    const left = Math.max(valToPos(toX(from), "x", true), bbox.left);
    const right = Math.min(valToPos(toX(to), "x", true), bbox.left + bbox.width);
    if (right >= left) ctx.fillRect(left, bbox.top, Math.max(right - left, 2 * devicePixelRatio), bbox.height);
  }
  ctx.restore();
};

// A triangle at the price paid, as seen from home: up for home's token, down for away's.
const drawSignals = ({ ctx, bbox, valToPos }, signals, toX) => {
  const size = SIGNAL_PX * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = colour("--ink");
  ctx.fillStyle = colour("--card");
  ctx.lineWidth = 1.3 * devicePixelRatio;
  for (const signal of signals) {
    const way = signal.is_home ? 1 : -1;
    const price = (signal.is_home ? signal.ask_u6 : 1_000_000 - signal.ask_u6) / 1e4;
    const left = valToPos(toX(ms(signal.recv_ns)), "x", true);
    const top = valToPos(price, "y", true);
    ctx.beginPath();
    ctx.moveTo(left - size, top + way * size * 0.6);
    ctx.lineTo(left + size, top + way * size * 0.6);
    ctx.lineTo(left, top - way * size);
    ctx.closePath();
    ctx.fill();
    ctx.stroke();
  }
  ctx.restore();
};
