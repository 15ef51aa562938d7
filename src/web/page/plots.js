// Pictures of numbers: curves and histograms by Chart.js, heat maps on a canvas.
import {h, number} from "./dom.js";

const charts = new Map();

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Told apart without their hue too: they differ in lightness, and lines in their dashes.
const kHues = {
  light: ["#4338ca", "#b45309", "#0f766e", "#be185d", "#1d4ed8", "#4d7c0f", "#7c2d12", "#6b21a8", "#374151", "#0e7490"],
  dark: ["#a5b4fc", "#fbbf24", "#5eead4", "#f9a8d4", "#93c5fd", "#bef264", "#fdba74", "#d8b4fe", "#d1d5db", "#67e8f9"],
};
const kDashes = [[], [6, 3], [2, 3], [9, 3, 2, 3]];
export const isDark = () => document.documentElement.dataset.theme === "dark";
const hues = () => kHues[isDark() ? "dark" : "light"];

const ticks = (more = {}) => ({color: color("--quiet"), maxRotation: 0, autoSkipPadding: 12, ...more});
// A number at each power of ten.
const logarithmicAxis = () => ({type: "logarithmic", ticks: ticks({
  callback: (value) => Number.isInteger(Math.log10(value)) || value === 0 ? number(value, 2) : ""})});

function axes(x, y) {
  const one = (title, extra) => ({
    title: {display: Boolean(title), text: title, color: color("--quiet")},
    ticks: ticks(), grid: {color: color("--line")}, ...extra});
  return {x: one(x.title, x.extra), y: one(y.title, y.extra)};
}

function chart(key, config, label) {
  charts.get(key)?.destroy();
  const canvas = h("canvas", {role: "img", "aria-label": label});
  const holder = h("div", {class: "plot", "data-plot": key}, canvas);
  queueMicrotask(() => charts.set(key, new Chart(canvas, {
    ...config,
    options: {animation: false, maintainAspectRatio: false, responsive: true, normalized: true, ...config.options},
  })));
  return holder;
}

export function chartOf(key) {
  return charts.get(key);
}

// {low, high, counts}
export function histogram(key, {low, high, counts}, logarithmic) {
  const width = (high - low) / counts.length;
  const labels = counts.map((_, i) => low + (i + 0.5) * width);
  return chart(key, {
    type: "bar",
    data: {labels, datasets: [{data: counts, backgroundColor: hues()[0], barPercentage: 1, categoryPercentage: 1}]},
    options: {
      plugins: {
        legend: {display: false},
        tooltip: {callbacks: {
          title: ([item]) => `${number(low + item.dataIndex * width, 4)} to ${number(low + (item.dataIndex + 1) * width, 4)}`,
          label: (item) => `${item.raw.toLocaleString("en")} elements`}},
      },
      scales: axes({title: "value", extra: {ticks: ticks({maxTicksLimit: 5, callback: (_, i) => number(labels[i], 3)})}},
                   {title: "elements", extra: logarithmic ? logarithmicAxis() : {type: "linear"}}),
    },
  }, `Histogram of the values, ${counts.length} bins from ${number(low)} to ${number(high)}`);
}

// series: [{label, points: [{x, y}]}]
export function curves(key, series, {x, y, logarithmic = false, label, tall = false, steps = false}) {
  const drawn = series.map((one) => ({...one, points: one.points.filter((point) => !logarithmic || point.y > 0)}))
      .filter((one) => one.points.length > 0);
  const datasets = drawn.map((one, i) => ({
    label: one.label, data: one.points, borderColor: hues()[i % hues().length], backgroundColor: hues()[i % hues().length],
    borderDash: kDashes[Math.floor(i / hues().length) % kDashes.length], borderWidth: 1.8, tension: 0, stepped: steps,
    pointRadius: one.points.length > 60 ? 0 : 2.5, pointHitRadius: 8}));
  const holder = chart(key, {
    type: "line", data: {datasets},
    options: {
      parsing: false,
      interaction: {mode: "nearest", intersect: false},
      plugins: {
        legend: {display: drawn.length > 1, position: "bottom",
                 labels: {color: color("--text"), boxWidth: 22, boxHeight: 1, font: {size: 11}}},
        tooltip: {callbacks: {title: ([item]) => item.dataset.label,
                              label: (item) => `${x} ${item.parsed.x}: ${number(item.parsed.y)}`}},
      },
      scales: axes({title: x, extra: {type: "linear", ticks: ticks({precision: 0})}},
                   {title: y, extra: logarithmic ? logarithmicAxis() : {type: "linear"}}),
    },
  }, label);
  if (tall) holder.classList.add("tall");
  return holder;
}

// Colour scales, from low to high: magnitudes by one hue, signed numbers by two that meet in the neutral middle.
function ramp(at, stops) {
  const place = Math.max(0, Math.min(1, at)) * (stops.length - 1);
  const i = Math.min(Math.floor(place), stops.length - 2);
  return stops[i].map((low, channel) => Math.round(low + (stops[i + 1][channel] - low) * (place - i)));
}
const kMagnitude = [[13, 8, 60], [84, 19, 120], [158, 40, 110], [220, 80, 70], [250, 155, 50], [248, 236, 130]];
const kSigned = {
  light: [[24, 78, 160], [120, 170, 220], [244, 245, 247], [240, 160, 110], [178, 48, 20]],
  dark: [[110, 180, 255], [45, 90, 150], [24, 28, 34], [150, 70, 35], [255, 160, 100]],
};

// picture: {rows, columns, row_step, column_step, largest: [...], mean: [...]}, of what: "largest" or "mean".
export function heatMap(picture, what, {pick} = {}) {
  const values = picture[what];
  const finite = values.filter((value) => typeof value === "number");
  // A few outliers leave the rest its colours.
  const sizes = finite.map(Math.abs).sort((a, b) => a - b);
  const largest = sizes.at(-1) ?? 0;
  const top = sizes[Math.floor(0.99 * (sizes.length - 1))] || largest || 1;
  const signed = what !== "largest";
  const paint = (value) => {
    if (typeof value !== "number") return [255, 0, 255];
    return signed ? ramp((value / top + 1) / 2, kSigned[isDark() ? "dark" : "light"]) : ramp(value / top, kMagnitude);
  };
  const {rows, columns} = picture;
  const canvas = h("canvas", {width: columns, height: rows, role: "img", tabindex: "0", "data-plot": "heat",
                              "aria-label": `Heat map of ${rows} by ${columns} cells, largest magnitude ${number(largest)}`});
  const image = new ImageData(columns, rows);
  values.forEach((value, i) => image.data.set([...paint(value), 255], i * 4));
  canvas.getContext("2d").putImageData(image, 0, 0);
  const scale = h("canvas", {width: 128, height: 1, "aria-hidden": "true"});
  const strip = new ImageData(128, 1);
  for (let i = 0; i < 128; ++i) strip.data.set([...paint(signed ? (i / 63.5 - 1) * top : i / 127 * top), 255], i * 4);
  scale.getContext("2d").putImageData(strip, 0, 0);
  const under = h("div", {class: "under", role: "status"}, "Point at a cell, or use the arrow keys; Enter shows its values.");
  const cursor = {row: 0, column: 0};
  const range = (first, step, size) => step === 1 ? `${first}` : `${first}–${Math.min(first + step, size) - 1}`;
  const tell = () => {
    const i = cursor.row * columns + cursor.column;
    under.textContent = `row ${range(cursor.row * picture.row_step, picture.row_step, picture.matrix[0])}, ` +
      `column ${range(cursor.column * picture.column_step, picture.column_step, picture.matrix[1])}: ` +
      `largest |x| ${number(picture.largest[i])}, mean ${number(picture.mean[i])}`;
  };
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    cursor.column = Math.max(0, Math.min(columns - 1, Math.floor((event.clientX - box.left) / box.width * columns)));
    cursor.row = Math.max(0, Math.min(rows - 1, Math.floor((event.clientY - box.top) / box.height * rows)));
    tell();
  });
  canvas.addEventListener("click", () => pick?.(cursor.row, cursor.column));
  canvas.addEventListener("keydown", (event) => {
    const moves = {ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1]};
    if (event.key === "Enter") pick?.(cursor.row, cursor.column);
    else if (event.key in moves) {
      cursor.row = Math.max(0, Math.min(rows - 1, cursor.row + moves[event.key][0]));
      cursor.column = Math.max(0, Math.min(columns - 1, cursor.column + moves[event.key][1]));
      tell();
    } else return;
    event.preventDefault();
  });
  const most = `${largest > top ? "≥ " : ""}${number(top, 3)}`;
  const ends = [signed ? `${largest > top ? "≤ " : ""}${number(-top, 3)}` : "0", most];
  return h("div", {class: "heat"}, canvas,
           h("div", {class: "ramp"}, h("span", {}, ends[0]), scale, h("span", {}, ends[1])), under);
}
