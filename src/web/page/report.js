// The report: what the file's own data says, drawn as the page draws it.
import {byId, bytes, counted, h, number, shape, whole} from "./dom.js";
import {curves, histogram} from "./plots.js";
import {kMeasures, seriesOf} from "./depth.js";

const data = JSON.parse(byId("data").textContent);
document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";

const found = data.tensors.filter((tensor) => typeof tensor.elements.l2 === "number").map((tensor) => {
  const {mean: average, std, l2, zeros, count, min: low, max: high} = tensor.elements;
  return {name: tensor.name, average, std, l2, zeros: zeros / count, rms: l2 / Math.sqrt(count),
          largest: Math.max(Math.abs(low), Math.abs(high)), change: tensor.change};
});

function section(title, ...content) {
  return h("section", {class: "card", "aria-label": title}, h("div", {class: "title"}, h("h2", {}, title)), content);
}

function table(columns, rows) {
  const kind = (column) => column.number ? "number" : undefined;
  return h("div", {class: "scroll"}, h("table", {},
    h("tr", {}, columns.map((column) => h("th", {scope: "col", class: kind(column)}, column.title))),
    rows.map((row) => h("tr", {}, columns.map((column) => h("td", {class: kind(column)}, column.of(row)))))));
}

function kindOf(name) {
  return name.replace(/(^|[._])\d+(?=[._]|$)/, "$1*");
}

function byKind() {
  const kinds = new Map();
  for (const tensor of data.tensors) {
    const kind = kindOf(tensor.name);
    if (!kinds.has(kind)) kinds.set(kind, []);
    kinds.get(kind).push(tensor);
  }
  const over = (tensors, what) => {
    const values = tensors.map(what).filter((value) => typeof value === "number");
    return values.length > 0 ? values.reduce((a, b) => a + b, 0) / values.length : null;
  };
  const columns = [
    {title: "kind", of: ([kind]) => kind}, {title: "tensors", number: true, of: ([, tensors]) => whole(tensors.length)},
    {title: "dtype", of: ([, tensors]) => [...new Set(tensors.map((one) => one.dtype))].join(", ")},
    {title: "shape", of: ([, tensors]) => [...new Set(tensors.map((one) => shape(one.shape)))].slice(0, 3).join(", ")},
    {title: "bytes", number: true, of: ([, tensors]) => bytes(tensors.reduce((sum, one) => sum + (one.bytes ?? 0), 0))},
    {title: "l2 norm", number: true, of: ([, tensors]) => number(over(tensors, (one) => one.elements.l2), 4)},
    {title: "std", number: true, of: ([, tensors]) => number(over(tensors, (one) => one.elements.std), 4)}];
  if (data.other)
    columns.push({title: "relative change", number: true, of: ([, tensors]) => number(over(tensors, (one) => one.change), 4)});
  return section("By kind", table(columns, [...kinds]));
}

function depth() {
  const plots = kMeasures.filter((measure) => data.other || !measure.pair).map((measure) => {
    const series = seriesOf(found, measure.name);
    return series.length === 0 ? null
        : section(`${measure.title} over depth`, curves(`depth-${measure.name}`, series, {
            x: "layer", y: measure.title, logarithmic: measure.logarithmic, tall: true, label: `${measure.title} over depth`}));
  });
  return h("div", {class: "plots"}, plots);
}

function anomalies() {
  if (data.anomalies.length === 0) return section("Anomalies", h("p", {class: "box good"}, "Nothing odd was found."));
  return section(counted(data.anomalies.length, "anomaly").replace(/ys$/, "ies"), table([
    {title: "kind", of: (one) => one.kind}, {title: "what", of: (one) => one.what},
    {title: "tensors", of: (one) => `${one.names.slice(0, 6).join(", ")}${one.names.length > 6 ? `, and ${one.names.length - 6} more` : ""}`}],
    data.anomalies));
}

function differences() {
  if (!data.other) return null;
  const {only_a, only_b, unlike} = data.differences;
  const list = (title, names) => names.length === 0 ? null
      : h("details", {}, h("summary", {}, `${counted(names.length, "tensor")} ${title}`), h("pre", {class: "text"}, names.join("\n")));
  const side = (one) => `${one.dtype} ${shape(one.shape)}`;
  return section("Differences", only_a.length + only_b.length + unlike.length === 0
      ? h("p", {class: "box good"}, "Both have the same names, dtypes and shapes.") : null,
    list(`only in ${data.path}`, only_a), list(`only in ${data.other}`, only_b),
    unlike.length > 0 ? table([{title: "name", of: (one) => one.name}, {title: "first", of: (one) => side(one.a)},
                               {title: "second", of: (one) => side(one.b)}], unlike) : null);
}

function tensors() {
  const picture = h("div");
  const show = (tensor) => picture.replaceChildren(h("h3", {}, tensor.name),
    tensor.histogram ? histogram("histogram", tensor.histogram, true) : h("p", {class: "quiet"}, "Its elements have no histogram."));
  if (data.tensors.length > 0) show(data.tensors[0]);
  const columns = [
    {title: "name", of: (one) => h("button", {type: "button", class: "link", onclick: () => show(one)}, one.name)},
    {title: "dtype", of: (one) => one.dtype}, {title: "shape", of: (one) => shape(one.shape)},
    ...[["mean", "mean"], ["std", "std"], ["least", "min"], ["most", "max"], ["l2 norm", "l2"]].map(([title, key]) => (
      {title, number: true, of: (one) => number(one.elements[key], 4)})),
    {title: "zeros", number: true, of: (one) => one.elements.zeros === undefined ? "–" : whole(one.elements.zeros)},
    {title: "outliers", number: true, of: (one) => whole(one.outliers)}];
  if (data.other) columns.push({title: "change", number: true, of: (one) => number(one.change ?? null, 4)});
  return section("Tensors", picture, table(columns, data.tensors));
}

const total = data.tensors.reduce((sum, tensor) => sum + (tensor.bytes ?? 0), 0);
byId("report").append(h("div", {class: "flow"},
  h("header", {}, h("h1", {}, data.other ? `${data.path} and ${data.other}` : data.path),
    h("p", {class: "quiet"}, `${counted(data.tensors.length, "tensor")}, ${bytes(total)}`)),
  anomalies(), differences(), byKind(), depth(), tensors()));
