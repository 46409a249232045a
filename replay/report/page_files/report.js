"use strict";
(() => {
  const root = document.documentElement, tip = document.getElementById("tip");
  const NS = "http://www.w3.org/2000/svg";

  // Theme: follows the system until it is switched by hand.
  document.getElementById("theme").addEventListener("click", () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
  });

  // Tooltips: whatever has words says them. textContent only: names are hostile.
  const place = (event) => {
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${event.clientY > innerHeight - 60 ? event.clientY - 40 : event.clientY + 16}px`;
  };
  document.addEventListener("pointermove", (event) => {
    const target = event.target instanceof Element ? event.target.closest("[data-t]") : null;
    tip.hidden = !target;
    if (target) { tip.textContent = target.getAttribute("data-t"); place(event); }
  });

  const shape = (svg, name, css) => {
    const made = document.createElementNS(NS, name);
    made.setAttribute("class", css);
    svg.append(made);
    return made;
  };
  const at = (svg, event) => {
    const box = svg.getBoundingClientRect(), view = svg.viewBox.baseVal;
    return [(event.clientX - box.left) * view.width / box.width, (event.clientY - box.top) * view.height / box.height];
  };

  // Heatmaps: a cell is found by arithmetic; its figures are in the data block.
  const { cells, runs } = JSON.parse(document.getElementById("heat-data").textContent), picked = document.getElementById("picked");
  const cellRun = document.getElementById("cellrun");
  const money = (value) => value === null ? "∞" : `${value < 0 ? "−" : "+"}$${Math.abs(value).toFixed(2)}`;
  document.querySelectorAll("svg[data-heat]").forEach((svg) => {
    const [left, top, width, height, columns, rows] = svg.dataset.g.split(",").map(Number);
    const mine = cells[Number(svg.dataset.heat)], title = svg.getAttribute("aria-label");
    let x = 0, y = 0, pin = null, isPinned = false;
    const show = () => {
      const cell = mine[y * columns + x];
      pin ??= shape(svg, "rect", "pin");
      for (const [name, value] of Object.entries({ x: left + x * width, y: top + y * height, width, height })) pin.setAttribute(name, value);
      picked.textContent = !cell ? "Not on the grid." : `${title}: min edge ${cell[1]} c, poll ${cell[0]}: ${money(cell[2])} per game ` +
        `[${cell[3] === null ? "−∞" : money(cell[3])}, ${money(cell[4])}], ${cell[6]} signals, ${cell[5]} fills` +
        (cell[7] === cell[8] ? "." : `; phases from ${money(cell[7])} to ${money(cell[8])}.`);
      cellRun.hidden = !cell;
      if (cell) cellRun.textContent = `${runs[Number(svg.dataset.heat)]} --min-edge ${cell[1]}` + (/^[\d.]+ s$/.test(cell[0]) ? ` --poll ${parseFloat(cell[0])}` : "");
    };
    const find = (event) => {
      const [px, py] = at(svg, event), column = Math.floor((px - left) / width), row = Math.floor((py - top) / height);
      if (column < 0 || row < 0 || column >= columns || row >= rows) return false;
      [x, y] = [column, row];
      show();
      return true;
    };
    svg.addEventListener("pointermove", (event) => { if (!isPinned) find(event); });
    svg.addEventListener("click", (event) => { isPinned = find(event) && !isPinned; });
    svg.addEventListener("focus", () => { if (svg.matches(":focus-visible")) show(); });
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], Home: [-x, 0], End: [columns, 0] }[event.key];
      if (!step) return;
      event.preventDefault();
      x = Math.max(0, Math.min(columns - 1, x + step[0]));
      y = Math.max(0, Math.min(rows - 1, y + step[1]));
      show();
    });
  });

  // Games: a cursor on the time axis. Values are read back from the paths that are drawn: M x y, then steps h and v.
  const steps = (path) => {
    const found = [];
    let x = 0, y = 0;
    for (const [, name, a, b] of (path ? path.getAttribute("d") : "").matchAll(/([Mhv])(-?[\d.]+)(?: (-?[\d.]+))?/g)) {
      if (name === "M") { x = +a; y = +b; } else if (name === "h") x += +a; else y += +a;
      found.push([x, y]);
    }
    return found;
  };
  const value = (points, x) => {
    let low = 0, high = points.length - 1, best = null;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (points[middle][0] <= x) { best = points[middle]; low = middle + 1; } else high = middle - 1;
    }
    return best;
  };
  document.querySelectorAll("svg[data-over]").forEach((svg) => {
    const [x0, x1, y0, y1, length] = svg.dataset.over.split(",").map(Number);
    const readout = svg.parentElement.querySelector(".readout");
    let series = null, cursor = null, x = x0;
    const show = () => {
      series ??= { market: steps(svg.querySelector(".mid")), model: steps(svg.querySelector(".fair")) };
      cursor ??= shape(svg, "path", "cursor");
      x = Math.max(x0, Math.min(x1, x));
      cursor.setAttribute("d", `M${x} ${y1}V340`);
      const seconds = Math.round((x - x0) / (x1 - x0) * length / 10), words = [`${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`];
      for (const [name, points] of Object.entries(series)) {
        const found = value(points, x);
        if (found) words.push(`${name} ${((y0 - found[1]) / (y0 - y1) * 100).toFixed(0)} c`);
      }
      for (const [css, side, name] of [["signal", "up", "▲ signal"], ["filled", "up", "▲ fill"], ["signal", "down", "▼ signal"], ["filled", "down", "▼ fill"]]) {
        const path = svg.querySelector(`.${css}.${side}`);
        for (const [, left, base] of (path ? path.getAttribute("d") : "").matchAll(/M(-?\d+) (-?\d+)/g)) {
          const home = (y0 - base + (side === "up" ? 3 : -3)) / (y0 - y1) * 100;
          if (Math.abs(+left + 5 - x) <= 4) words.push(`${name} ${(side === "up" ? home : 100 - home).toFixed(0)} c`);
        }
      }
      readout.textContent = words.join(" · ");
    };
    svg.addEventListener("pointermove", (event) => { x = at(svg, event)[0]; show(); });
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -4, ArrowRight: 4, PageUp: -60, PageDown: 60, Home: x0 - x, End: x1 - x }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      x += step;
      show();
    });
  });

  // A link to a game opens it; printing opens all.
  const open = () => { const game = location.hash.length > 1 && document.getElementById(location.hash.slice(1)); if (game && game.tagName === "DETAILS") game.open = true; };
  addEventListener("hashchange", open);
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((game) => { game.open = true; }));
  open();
})();
