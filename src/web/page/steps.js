// The right side: a form for any step, made from its schema; preview, go, undo; the plan so far.
import {get, post} from "./api.js";
import {byId, counted, h, shape} from "./dom.js";
import {failure} from "./look.js";

// A scalar of YAML that is read as this text.
function quoted(text) {
  if (/[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]/.test(text)) return JSON.stringify(text);
  return `'${text.replaceAll("'", "''")}'`;
}

// Names as references write them: a pattern that matches exactly these.
export const escaped = (text) => text.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&");

function scalarText(field, text) {
  return ["boolean", "number", "integer", "yaml"].includes(field.kind) ? text.trim() : quoted(text);
}

function valueText(field, text) {
  if (!field.many) return scalarText(field, text);
  const parts = text.split(field.kind === "reference" ? "\n" : /[\n,]/).map((part) => part.trim()).filter(Boolean);
  return `[${parts.map((part) => scalarText(field, part)).join(", ")}]`;
}

export class Steps {
  constructor(panel, {selection, done, ask}) {
    this.panel = panel;
    this.selection = selection;  // () => {alias, node} or null
    this.done = done;
    this.ask = ask;
    this.catalog = [];
    this.step = null;
    this.inputs = new Map();
    this.build();
  }

  async load() {
    const answer = await get("/api/steps");
    this.catalog = answer.steps;
    this.operators = answer.operators;
    this.list();
  }

  build() {
    this.search = h("input", {type: "search", placeholder: "scale, transpose, remove…", autocomplete: "off", spellcheck: "false",
                              oninput: () => this.list(), "aria-label": "Search steps", "aria-keyshortcuts": "s"});
    this.search.addEventListener("keydown", (event) => this.searchKey(event));
    this.options = h("div", {class: "list", role: "group", "aria-label": "Steps"});
    this.form = h("form", {onsubmit: (event) => { event.preventDefault(); this.go(); }});
    this.text = h("textarea", {spellcheck: "false", "aria-label": "The step as YAML", rows: 5});
    this.result = h("div", {"aria-live": "polite"});
    this.actions = h("div", {class: "actions"},
                     h("button", {type: "button", onclick: () => this.preview(), "aria-keyshortcuts": "p"}, "Preview"),
                     h("button", {type: "button", class: "primary", onclick: () => this.go(),
                                  "aria-keyshortcuts": "Control+Enter"}, "Go"));
    this.plan = h("textarea", {spellcheck: "false", readonly: true, rows: 9, "aria-label": "The plan so far"});
    this.history = h("ol", {class: "history"});
    this.panel.replaceChildren(
      h("label", {class: "field"}, h("span", {class: "label"}, "Step"), this.search), this.options, this.form,
      h("label", {class: "field"}, h("span", {class: "label"}, "As text"), this.text), this.actions, this.result,
      h("details", {open: true}, h("summary", {}, "Done"), this.history),
      h("details", {}, h("summary", {}, "The plan so far"), this.plan,
        h("div", {class: "actions"}, h("button", {type: "button", onclick: () => this.copy()}, "Copy"),
          h("button", {type: "button", onclick: () => this.keep()}, "Download"))));
  }

  list() {
    const wanted = this.search.value.trim().toLowerCase();
    const rank = (step) => {
      if (!wanted) return 0;
      if (step.name.startsWith(wanted)) return 0;
      if (step.name.includes(wanted)) return 1;
      if (step.called_elsewhere.some((name) => name.includes(wanted))) return 2;
      return step.summary.toLowerCase().includes(wanted) ? 3 : 4;
    };
    this.found = this.catalog.filter((step) => rank(step) < 4).sort((a, b) => rank(a) - rank(b));
    this.options.hidden = !wanted && this.step !== null;
    this.options.replaceChildren(...this.found.map((step) => h("button", {
      type: "button", class: "option", "aria-current": step === this.step ? "true" : undefined,
      onclick: () => this.choose(step)}, h("b", {}, step.name), h("small", {}, step.summary))));
    if (this.found.length === 0) this.options.replaceChildren(h("p", {class: "quiet option"}, "No step is called that."));
  }

  searchKey(event) {
    if (event.key === "Enter" && this.found.length > 0) {
      event.preventDefault();
      this.choose(this.found[0]);
      this.form.querySelector("input, select, textarea")?.focus();
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      this.options.querySelector("button")?.focus();
    }
  }

  choose(step) {
    this.step = step;
    this.search.value = "";
    this.list();
    this.result.replaceChildren();
    this.inputs.clear();
    const fields = step.takes_operator ? [] : step.fields;
    const optional = fields.filter((field) => !this.isNeeded(field));
    this.form.replaceChildren(
      h("div", {class: "title"}, h("h2", {class: "mono"}, step.name),
        h("div", {class: "tools"}, h("button", {type: "button", onclick: () => { this.step = null; this.form.replaceChildren();
                                                                                 this.list(); }}, "Another step"))),
      h("p", {class: "quiet"}, step.summary),
      ...fields.filter((field) => this.isNeeded(field)).map((field) => this.field(field)),
      optional.length > 0 ? h("details", {}, h("summary", {}, `${counted(optional.length, "more key")}`),
                              h("div", {class: "flow"}, optional.map((field) => this.field(field)))) : "");
    if (step.takes_operator) this.text.value = `${step.name}:\n  ${step.example.split(":").slice(1).join(":").trim()}`;
    this.fillIn();
    if (!step.takes_operator) this.write();
  }

  isNeeded(field) {
    return field.required || this.step.needs_one_of.includes(field.name) || this.step.fields.length <= 3;
  }

  field(field) {
    const attributes = {spellcheck: "false", autocomplete: "off", oninput: () => this.write(),
                        placeholder: field.default ? `default: ${field.default}` : field.type,
                        "aria-required": field.required ? "true" : undefined};
    let input;
    if (field.kind === "boolean" || field.kind === "choice") {
      const choices = field.kind === "boolean" ? ["true", "false"] : field.choices;
      input = h("select", {onchange: () => this.write(), "aria-required": attributes["aria-required"]},
                h("option", {value: ""}, field.default ? `default: ${field.default}` : "–"),
                choices.map((choice) => h("option", {value: choice}, choice)));
    } else if (field.many || field.kind === "yaml") {
      input = h("textarea", {...attributes, rows: 2});
    } else {
      input = h("input", {...attributes, list: field.kind === "alias" ? "aliases" : undefined});
    }
    this.inputs.set(field, input);
    return h("label", {class: "field"}, h("span", {class: "label"}, field.name,
                                          field.required ? h("span", {class: "required"}, " *") : ""), input,
             h("small", {}, [field.docs, field.names].filter(Boolean).join(" ")));
  }

  // What is selected, where a reference is asked for that selects what is there.
  fillIn() {
    const chosen = this.selection();
    if (!this.step || !chosen) return;
    const {alias, node, models} = chosen;
    const names = node.tensor ? escaped(node.path) : `${escaped(node.path)}${node.path ? "\\." : ""}.+`;
    for (const [field, input] of this.inputs) {
      if (field.kind === "reference" && !field.template && this.isNeeded(field))
        input.value = models > 1 ? `${alias}::${names}` : names;
      if (field.kind === "alias" && field.required) input.value = alias;
    }
    this.write();
  }

  write() {
    if (!this.step || this.step.takes_operator) return;
    const lines = [];
    for (const [field, input] of this.inputs) {
      if (input.value.trim() === "") continue;
      const text = valueText(field, input.value);
      lines.push(text.includes("\n") ? `  ${field.name}:\n${text.split("\n").map((line) => `    ${line}`).join("\n")}`
                                     : `  ${field.name}: ${text}`);
      this.last = text;
    }
    const only = this.step.shorthand_only && lines.length === 1;
    this.text.value = only ? `${this.step.name}: ${this.last}`
                           : lines.length > 0 ? `${this.step.name}:\n${lines.join("\n")}` : this.step.name;
  }

  async preview() {
    if (this.text.value.trim() === "") return this.search.focus();
    try {
      const answer = await post("/api/preview", {text: this.text.value});
      this.result.replaceChildren(delta(answer));
    } catch (error) {
      this.result.replaceChildren(failure(error));
    }
  }

  async go() {
    if (this.text.value.trim() === "") return this.search.focus();
    this.result.replaceChildren(h("p", {class: "quiet", role: "status"}, "Working…"));
    try {
      const answer = await post("/api/step", {text: this.text.value});
      this.result.replaceChildren(h("div", {class: "box good", role: "status"}, `Done: ${counted(answer.steps, "step")}.`),
                                  answer.output ? h("div", {class: "box"}, h("pre", {tabindex: "0"}, answer.output)) : "");
      this.done();
    } catch (error) {
      this.result.replaceChildren(failure(error));
      if (error.answer?.assertion) this.ask("The assertion does not hold", [failure(error)]);
      this.done();
    }
  }

  show(state, plan) {
    this.history.replaceChildren(...state.history.map((step) => h("li", {}, step.text.trim(), h("br"),
      h("span", {class: "quiet"}, [["created", step.created], ["changed", step.changed], ["deleted", step.deleted]]
        .filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`).join(", ")))));
    if (state.history.length === 0) this.history.replaceChildren(h("li", {class: "quiet"}, "Nothing yet."));
    this.plan.value = plan;
  }

  async copy() {
    this.plan.select();
    await navigator.clipboard?.writeText(this.plan.value).catch(() => {});
  }

  keep() {
    const url = URL.createObjectURL(new Blob([this.plan.value], {type: "application/yaml"}));
    h("a", {href: url, download: "plan.yaml"}).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }
}

function delta(answer) {
  const text = (side) => side ? `${side.dtype} ${shape(side.shape)}` : "";
  const lines = answer.changes.map((change) => {
    const sides = [text(change.before), text(change.after)].filter(Boolean);
    const same = sides.length === 2 && sides[0] === sides[1];
    return h("div", {class: change.kind}, `${change.alias}::${change.name}  ${same ? sides[0] : sides.join(" → ")}`);
  });
  if (lines.length === 0) return h("div", {class: "box"}, "No tensor would change.");
  const left = answer.total - answer.changes.length;
  return h("div", {class: "box", id: "preview"}, h("p", {}, `${counted(answer.total, "tensor")} would change:`),
           h("div", {class: "delta", tabindex: "0", role: "group", "aria-label": "Changes"}, lines),
           left > 0 ? h("p", {class: "quiet"}, `and ${counted(left, "more")}`) : "");
}
