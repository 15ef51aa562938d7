// The page: state, keyboard, dialogs.
import {get, listen, post} from "./api.js";
import {byId, bytes, counted, h} from "./dom.js";
import {failure, lookAtNames, lookAtNothing, lookAtTensor} from "./look.js";
import {Steps} from "./steps.js";
import {Tree, treeOf} from "./tree.js";

const page = {state: null, alias: null, tensors: [], root: treeOf([]), chosen: null, revision: 0};
const panels = ["names-panel", "look-panel", "steps-panel"];

// The token was taken from the address already: it stays in the cookie alone.
history.replaceState(null, "", "/");

const tree = new Tree(byId("tree"), {select: (node) => { choose(node); showPanel("look-panel"); }});
const steps = new Steps(byId("steps-panel"), {
  selection: () => page.alias && page.chosen ? {alias: page.alias, node: page.chosen, models: page.state.models.length} : null,
  done: () => refresh(), ask: dialog});

// ---- looks

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  try { localStorage.setItem("theme", theme); } catch { /* private windows have none */ }
}

function storedTheme() {
  try { return localStorage.getItem("theme"); } catch { return null; }
}

setTheme(storedTheme() ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));

function showPanel(id) {
  document.body.dataset.panel = id;
  document.querySelectorAll(".tabs button").forEach((button) =>
    button.setAttribute("aria-pressed", String(button.dataset.panel === id)));
  tree.draw();
}

export function dialog(title, content, actions = []) {
  const box = byId("dialog");
  const close = h("button", {type: "button", onclick: () => box.close()}, "Close");
  box.replaceChildren(h("div", {class: "flow"}, h("h2", {id: "dialog-title"}, title), content,
                        h("div", {class: "actions"}, actions, close)));
  if (!box.open) box.showModal();
  return box;
}

// ---- state

async function refresh() {
  const [state, plan] = await Promise.all([get("/api/session"), get("/api/plan")]);
  page.state = state;
  byId("where").textContent = `${state.root}${state.read_only ? " · read-only" : ""}`;
  byId("where").title = state.root;
  byId("undo").disabled = !state.can_undo;
  byId("redo").disabled = !state.can_redo;
  byId("save-model").disabled = state.read_only || state.models.length === 0;
  steps.show(state, plan.text);
  if (!state.models.some((model) => model.alias === page.alias)) page.alias = state.models[0]?.alias ?? null;
  byId("alias").replaceChildren(...state.models.map((model) => h("option", {value: model.alias},
    `${model.alias} · ${counted(model.tensors, "tensor")} · ${bytes(model.bytes)}`)));
  if (page.alias) byId("alias").value = page.alias;
  tree.changed = new Set(state.changed.filter((one) => one.alias === page.alias).map((one) => one.name));
  await readNames();
}

async function readNames() {
  if (!page.alias) {
    page.root = treeOf([]);
    tree.show(page.root);
    byId("how-many").textContent = "";
    page.chosen = null;
    lookAtNothing(byId("look-panel"), openDialog);
    return;
  }
  const filters = {match: byId("filter").value.trim(), dtype: byId("filter-dtype").value,
                   shape: byId("filter-shape").value.trim()};
  const narrowed = Object.values(filters).some(Boolean);
  let answer;
  try {
    answer = await get("/api/tensors", {alias: page.alias, ...filters});
  } catch (error) {
    byId("how-many").textContent = error.message;
    byId("how-many").className = "box bad";
    return;
  }
  byId("how-many").className = "quiet";
  page.tensors = answer.tensors;
  page.root = treeOf(answer.tensors);
  byId("how-many").textContent = narrowed ? `${counted(answer.tensors.length, "tensor")} of ${answer.total.toLocaleString("en")}`
                                       : `${counted(answer.total, "tensor")}, ${bytes(page.root.bytes)}`;
  fillDtypes(answer.dtypes);
  tree.show(page.root, {open: narrowed});
  rechoose();
}

function fillDtypes(names) {
  const chosen = byId("filter-dtype").value;
  byId("filter-dtype").replaceChildren(h("option", {value: ""}, "any dtype"), ...names.map((name) => h("option", {value: name}, name)));
  byId("filter-dtype").value = chosen;
}

function find(path) {
  let at = page.root;
  for (const segment of path === "" ? [] : path.split(".")) {
    at = at.children.get(segment);
    if (!at) return null;
  }
  return at;
}

// What was looked at is looked at again where it still exists: its values may be others now.
function rechoose() {
  const again = page.chosen ? find(page.chosen.path) : page.root;
  choose(again ?? page.root);
}

function choose(node) {
  page.chosen = node;
  const tools = h("button", {type: "button", onclick: () => { steps.fillIn(); showPanel("steps-panel"); steps.search.focus(); }},
                  "Edit…");
  if (node.tensor) {
    lookAtTensor(byId("look-panel"), page.alias, node.tensor, tools);
  } else {
    const model = page.state.models.find((one) => one.alias === page.alias);
    lookAtNames(byId("look-panel"), page.alias, node, {
      tools, models: page.state.models.map((one) => one.alias), title: node.path || page.alias, path: node.path ? null : model?.path,
      open: (tensor) => {
        tree.selected = tensor.name;
        tree.draw();
        choose(find(tensor.name));
      }});
  }
  if (steps.step) steps.fillIn();
}

// ---- dialogs

async function openDialog() {
  const holder = h("div", {class: "flow"});
  const path = h("input", {spellcheck: "false", "aria-label": "Path below the server's folder", placeholder: "model.safetensors"});
  const alias = h("input", {spellcheck: "false", "aria-label": "Name for the model", placeholder: "chosen for you"});
  const list = h("div", {class: "list", role: "group", "aria-label": "Files"});
  const problem = h("div");
  let folder = "";
  const open = async () => {
    problem.replaceChildren(h("p", {class: "quiet", role: "status"}, "Opening…"));
    try {
      const answer = await post("/api/open", {path: path.value, alias: alias.value || undefined});
      page.alias = answer.alias;
      page.chosen = null;
      byId("dialog").close();
      await refresh();
    } catch (error) {
      problem.replaceChildren(failure(error));
    }
  };
  const enter = async (to) => {
    try {
      const answer = await get("/api/files", {path: to});
      folder = to;
      const below = (name) => folder ? `${folder}/${name}` : name;
      list.replaceChildren(
        folder ? h("button", {type: "button", class: "option", onclick: () => enter(folder.split("/").slice(0, -1).join("/"))},
                   h("b", {}, "..")) : "",
        ...answer.entries.map((entry) => h("button", {type: "button", class: "option", onclick: () => {
          path.value = below(entry.name);
          if (entry.kind === "directory") enter(below(entry.name));
        }}, h("b", {}, entry.kind === "directory" ? `${entry.name}/` : entry.name),
          h("small", {}, entry.kind === "directory" ? "folder" : bytes(entry.bytes)))));
      if (answer.entries.length === 0) list.append(h("p", {class: "quiet option"}, "Nothing is here."));
    } catch (error) {
      problem.replaceChildren(failure(error));
    }
  };
  holder.append(list, h("label", {class: "field"}, h("span", {}, "Path"), path), h("label", {class: "field"}, h("span", {}, "Name"), alias),
                problem);
  dialog("Open a checkpoint", holder, [h("button", {type: "button", class: "primary", onclick: open}, "Open")]);
  await enter("");
}

function saveDialog() {
  const alias = h("select", {"aria-label": "Model"}, page.state.models.map((model) => h("option", {value: model.alias}, model.alias)));
  if (page.alias) alias.value = page.alias;
  const path = h("input", {spellcheck: "false", "aria-label": "Path", placeholder: "edited.safetensors, or a folder/"});
  const problem = h("div");
  const keep = async (download) => {
    problem.replaceChildren(h("p", {class: "quiet", role: "status"}, "Writing…"));
    try {
      await post("/api/save", {alias: alias.value, path: path.value});
      if (download) h("a", {href: `/api/file?path=${encodeURIComponent(path.value)}`, download: path.value.split("/").pop()}).click();
      byId("dialog").close();
      await refresh();
    } catch (error) {
      problem.replaceChildren(failure(error));
    }
  };
  dialog("Save a model", h("div", {class: "flow"}, h("label", {class: "field"}, h("span", {}, "Model"), alias),
                           h("label", {class: "field"}, h("span", {}, "Path below the server's folder"), path), problem),
         [h("button", {type: "button", class: "primary", onclick: () => keep(false)}, "Save"),
          h("button", {type: "button", onclick: () => keep(true)}, "Save and download")]);
  path.focus();
}

const kKeys = [
  ["/", "search names"], ["s", "search steps"], ["t", "tree of names"], ["↑ ↓ ← →", "move in the tree, fold and unfold"],
  ["Enter", "look at what is marked"], ["p", "preview the step"], ["Ctrl+Enter", "do the step"], ["u", "undo"], ["r", "redo"],
  ["o", "open a checkpoint"], ["d", "dark or light"], ["Esc", "close a dialog, leave a field"], ["?", "this list"]];

function keysDialog() {
  dialog("Keyboard", h("table", {}, kKeys.map(([key, what]) => h("tr", {}, h("td", {}, h("kbd", {}, key)), h("td", {}, what)))));
}

// ---- actions

async function back(path) {
  try {
    await post(path);
    await refresh();
  } catch (error) {
    dialog("That did not work", [failure(error)]);
  }
}

const actions = {
  "/": () => { showPanel("names-panel"); byId("filter").focus(); },
  s: () => { showPanel("steps-panel"); steps.search.focus(); },
  t: () => { showPanel("names-panel"); byId("tree").focus(); },
  p: () => steps.preview(),
  u: () => back("/api/undo"),
  r: () => back("/api/redo"),
  o: openDialog,
  d: () => byId("theme").click(),
  "?": keysDialog,
};

document.addEventListener("keydown", (event) => {
  if (byId("dialog").open) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    return void steps.go();
  }
  const field = event.target.closest("input, textarea, select");
  if (event.key === "Escape" && field) return void field.blur();
  if (field || event.ctrlKey || event.metaKey || event.altKey || !(event.key in actions)) return;
  event.preventDefault();
  actions[event.key]();
});

let typing = 0;
const soon = () => {
  clearTimeout(typing);
  typing = setTimeout(readNames, 120);
};
byId("filter").addEventListener("input", soon);
byId("filter-shape").addEventListener("input", soon);
byId("filter-dtype").addEventListener("change", readNames);
byId("filter").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown") return;
  event.preventDefault();
  byId("tree").focus();
});
byId("alias").addEventListener("change", () => {
  page.alias = byId("alias").value;
  page.chosen = null;
  readNames();
});
byId("open-model").addEventListener("click", openDialog);
byId("save-model").addEventListener("click", saveDialog);
byId("undo").addEventListener("click", actions.u);
byId("redo").addEventListener("click", actions.r);
byId("keys").addEventListener("click", keysDialog);
byId("cancel").addEventListener("click", () => post("/api/cancel").catch(() => {}));
byId("theme").addEventListener("click", () => {
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  rechoose();
});
document.querySelectorAll(".tabs button").forEach((button) =>
  button.addEventListener("click", () => showPanel(button.dataset.panel)));

// ---- what others do

let begun = 0;
let hide = 0;
function showProgress({bytes_done, bytes_total}) {
  if (byId("progress").hidden) begun = performance.now();
  const seconds = (performance.now() - begun) / 1000;
  const rate = seconds > 0.5 ? bytes_done / seconds : 0;
  const left = rate > 0 && bytes_total > bytes_done ? `, ${Math.ceil((bytes_total - bytes_done) / rate)} s left` : "";
  byId("progress").hidden = false;
  if (bytes_total > 0) byId("progress-bar").value = bytes_done / bytes_total;
  else byId("progress-bar").removeAttribute("value");
  byId("progress-text").textContent = `${bytes(bytes_done)}${rate > 0 ? `, ${bytes(rate)}/s` : ""}${left}`;
  clearTimeout(hide);
  hide = setTimeout(() => { byId("progress").hidden = true; }, 800);
}

listen({
  changed: ({revision}) => {
    if (revision > (page.state?.revision ?? 0)) refresh().catch(() => {});
  },
  progress: showProgress,
});

showPanel("names-panel");
try {
  await Promise.all([steps.load(), refresh()]);
} catch (error) {
  byId("look-panel").replaceChildren(failure(error));
}
