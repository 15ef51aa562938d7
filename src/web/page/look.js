// The middle of the page: a tensor, a part of the names, or a whole model.
import {get} from "./api.js";
import {bytes, counted, h, number, shape, whole} from "./dom.js";
import {curves, heatMap, histogram} from "./plots.js";
import {kMeasures, seriesOf} from "./depth.js";

let request = null;  // of what is shown; a newer one ends it

export function fact(name, value, {odd = false, wide = false} = {}) {
  return h("div", {class: [odd && "odd", wide && "wide"].filter(Boolean).join(" ") || undefined},
           h("dt", {}, name), h("dd", {}, value));
}

function card(title, tools, ...content) {
  return h("section", {class: "card", "aria-label": title},
           h("div", {class: "title"}, h("h3", {}, title), h("div", {class: "tools"}, tools)), content);
}

function waiting(text) {
  return h("p", {class: "quiet", role: "status"}, text);
}

export function failure(error) {
  return h("div", {class: "box bad", role: "alert"}, h("pre", {}, error.answer?.text || error.message));
}

function choice(label, options, chosen, pick) {
  const element = h("select", {"aria-label": label, onchange: () => pick(element.value)},
                    options.map(([value, text]) => h("option", {value}, text)));
  element.value = chosen;
  return element;
}

// Fills `holder` once the promise is there; an older look does nothing any more.
async function fill(holder, promise, content) {
  try {
    const answer = await promise;
    holder.replaceChildren(...[content(answer)].flat());
  } catch (error) {
    if (error.name !== "AbortError") holder.replaceChildren(failure(error));
  }
}

export function begin() {
  request?.abort();
  request = new AbortController();
  return request.signal;
}

function statistics(answer) {
  const {tensor, elements} = answer;
  const share = (count) => elements.count > 0 && count > 0 ? `${whole(count)} (${number(100 * count / elements.count, 3)} %)`
                                                           : whole(count);
  const facts = [fact("shape", shape(tensor.shape)), fact("dtype", tensor.dtype), fact("elements", whole(elements.count)),
                 fact("bytes", bytes(tensor.bytes))];
  if (elements.min !== undefined) {
    facts.push(fact("mean", number(elements.mean)), fact("std", number(elements.std)), fact("min", number(elements.min)),
               fact("max", number(elements.max)), fact("l2 norm", number(elements.l2)));
  }
  if (elements.nan !== undefined) {
    facts.push(fact("zeros", share(elements.zeros)), fact("NaN", share(elements.nan), {odd: elements.nan > 0}),
               fact("infinite", share(elements.infinite), {odd: elements.infinite > 0}));
  }
  if (answer.file) facts.push(fact("file", `${answer.file} at byte ${whole(answer.offset)}`, {wide: true}));
  else if (answer.made_by) facts.push(fact("made by", answer.made_by, {wide: true}));
  return h("dl", {class: "facts"}, facts);
}

function histogramCard(answer) {
  if (!answer.histogram) return null;
  const holder = h("div");
  const draw = (scale) => holder.replaceChildren(histogram("histogram", answer.histogram, scale === "log"));
  draw("linear");
  return card("Histogram", choice("Scale of the histogram", [["linear", "linear"], ["log", "logarithmic"]], "linear", draw),
              holder);
}

function valuesTable(answer) {
  const head = h("tr", {}, h("th", {}, ""), answer.values[0].map((_, i) => h("th", {class: "number", scope: "col"},
                                                                             answer.column + i)));
  return h("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "Values"}, h("table", {class: "values"}, head, answer.values.map((row, i) =>
    h("tr", {}, h("th", {class: "number", scope: "row"}, answer.row + i), row.map((value) => h("td", {}, number(value, 4)))))));
}

function pictureCards(alias, name, signal) {
  const heat = h("div", {}, waiting("Reading…"));
  const values = h("div", {}, waiting("Reading…"));
  const norms = h("div", {}, waiting("Reading…"));
  let picture = null;
  let what = "largest";
  const corner = (row, column) => fill(values, get("/api/values", {alias, name, row, column}, signal), valuesTable);
  const draw = () => heat.replaceChildren(heatMap(picture, what, {
    pick: (row, column) => corner(row * picture.row_step, column * picture.column_step)}));
  get("/api/picture", {alias, name}, signal).then((answer) => {
    picture = answer;
    draw();
  }).catch((error) => error.name !== "AbortError" && heat.replaceChildren(failure(error)));
  corner(0, 0);
  fill(norms, get("/api/rows", {alias, name}, signal), (answer) => answer.rows < 2 ? waiting("There is one row.") :
    curves("rows", [{label: "largest", points: answer.largest}, {label: "mean", points: answer.mean}].slice(
      0, answer.step > 1 ? 2 : 1), {x: "row", y: "l2 norm", label: `Norms of ${counted(answer.rows, "row")}`}));
  const pick = choice("What a cell shows", [["largest", "largest magnitude"], ["mean", "mean"]], what, (value) => {
    what = value;
    if (picture) draw();
  });
  return [card("Heat map", pick, heat), card("Row norms", null, norms), card("Values", null, values)];
}

export function lookAtTensor(panel, alias, tensor, tools) {
  const signal = begin();
  const facts = h("div", {}, waiting("Reading…"));
  const plots = h("div", {class: "plots"});
  const content = [h("div", {class: "title"}, h("h2", {}, tensor.name), h("div", {class: "tools"}, tools)),
                   h("section", {class: "card", "aria-label": "Statistics"}, facts)];
  fill(facts, get("/api/tensor", {alias, name: tensor.name, bins: 100}, signal), (answer) => {
    const chart = histogramCard(answer);
    if (chart) plots.prepend(chart);
    return statistics(answer);
  });
  if (tensor.computes && !tensor.shape.includes(0)) {
    plots.append(...pictureCards(alias, tensor.name, signal));
    content.push(plots);
  }
  panel.replaceChildren(h("div", {class: "flow"}, content));
}

function dtypeTable(tensors) {
  const totals = new Map();
  for (const tensor of tensors) {
    const total = totals.get(tensor.dtype) ?? {tensors: 0, bytes: 0};
    total.tensors += 1;
    total.bytes += tensor.bytes ?? 0;
    totals.set(tensor.dtype, total);
  }
  return h("table", {}, h("tr", {}, h("th", {scope: "col"}, "dtype"), h("th", {class: "number", scope: "col"}, "tensors"),
                          h("th", {class: "number", scope: "col"}, "bytes")),
           [...totals].map(([dtype, total]) => h("tr", {}, h("td", {}, dtype), h("td", {class: "number"}, whole(total.tensors)),
                                                 h("td", {class: "number"}, bytes(total.bytes)))));
}

function tensorTable(tensors, open) {
  const shown = tensors.slice(0, 200);
  return h("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "Tensors in a table"},
           h("table", {}, h("tr", {}, ["name", "dtype", "shape"].map((title) => h("th", {scope: "col"}, title)),
                            h("th", {class: "number", scope: "col"}, "bytes")),
             shown.map((tensor) => h("tr", {}, h("td", {}, h("button", {type: "button", class: "link",
                                                                        onclick: () => open(tensor)}, tensor.name)),
                                     h("td", {}, tensor.dtype), h("td", {}, shape(tensor.shape)),
                                     h("td", {class: "number"}, bytes(tensor.bytes))))),
           tensors.length > shown.length ? waiting(`and ${counted(tensors.length - shown.length, "more tensor")}`) : null);
}

// Yields lists of {name, ...measures} until all tensors below `prefix` are read.
async function* summaries(alias, prefix, other, signal) {
  let offset = 0;
  while (offset !== null) {
    const answer = await get("/api/summaries", {alias, prefix, other, offset}, signal);
    yield answer.summaries;
    offset = answer.next;
  }
}

// Curves over the numbers in names, of one model or of its distance to another one.
function depthCard(alias, prefix, models, signal) {
  const holder = h("div");
  let measure = "l2";
  let other = "";
  let found = [];
  const draw = (finished) => {
    const {title, logarithmic} = kMeasures.find((one) => one.name === measure);
    const series = seriesOf(found, measure);
    holder.replaceChildren(
      series.length === 0 ? waiting(finished ? "No names with numbers, so there is no depth to draw." : "Reading…")
                          : curves("depth", series, {x: "layer", y: title, logarithmic, tall: true,
                                                     label: `${title} over depth, ${counted(series.length, "curve")}`}),
      waiting(finished ? "" : `${counted(found.length, "tensor")} read…`));
  };
  const read = async () => {
    found = [];
    draw(false);
    try {
      for await (const part of summaries(alias, prefix, other, signal)) {
        found.push(...part);
        draw(false);
      }
      draw(true);
    } catch (error) {
      if (error.name !== "AbortError") holder.replaceChildren(failure(error));
    }
  };
  const tools = [choice("What the curves show", kMeasures.filter((one) => !one.pair).map((one) => [one.name, one.title]), measure,
                        (value) => {
                          measure = value;
                          const pair = other !== "";
                          other = "";
                          against.value = "";
                          pair ? read() : draw(true);
                        })];
  const against = choice("Relative change against", [["", "change against…"], ...models.filter((one) => one !== alias).map(
    (one) => [one, `change against ${one}`])], "", (value) => {
    other = value;
    measure = value ? "change" : "l2";
    tools[0].value = value ? "l2" : measure;
    read();
  });
  if (models.length > 1) tools.push(against);
  const start = h("button", {type: "button", onclick: read}, "Read the tensors");
  holder.replaceChildren(h("p", {class: "quiet"}, "Reads every tensor once. "), start);
  return {card: card("Over depth", tools, holder), read};
}

const kReadAtOnce = 2 ** 31;  // bytes

export function lookAtNames(panel, alias, node, {tools, models, title, path, open}) {
  const signal = begin();
  const tensors = [];
  const collect = (at) => {
    if (at.tensor) tensors.push(at.tensor);
    at.children.forEach(collect);
  };
  collect(node);
  const facts = h("dl", {class: "facts"}, fact("tensors", whole(node.count)), fact("bytes", bytes(node.bytes)),
                  path ? fact("file", path, {wide: true}) : null);
  const depth = depthCard(alias, node.path, models, signal);
  panel.replaceChildren(h("div", {class: "flow"},
    h("div", {class: "title"}, h("h2", {}, title), h("div", {class: "tools"}, tools)),
    h("section", {class: "card", "aria-label": "In all"}, facts, dtypeTable(tensors)),
    node.count > 1 ? depth.card : null,
    card(counted(tensors.length, "tensor"), null, tensorTable(tensors, open))));
  if (node.count > 1 && node.bytes < kReadAtOnce) depth.read();
}

export function lookAtNothing(panel, open) {
  begin();
  panel.replaceChildren(h("div", {class: "empty"}, h("h2", {}, "No model is open"),
                          h("p", {}, "Open a checkpoint from the server's folder: a file or a directory."),
                          h("button", {type: "button", class: "primary", onclick: open}, "Open a checkpoint")));
}
