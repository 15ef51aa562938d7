// The tree of names: folded by segments, drawn only where it is seen, so that 100,000 tensors cost no more than 100.
import {bytes, h, shape} from "./dom.js";

const kRow = 26;
const natural = new Intl.Collator("en", {numeric: true}).compare;

// tensors: [{name, dtype, shape, bytes}]. A node: {label, path, children, tensor, count, bytes, depth}.
export function treeOf(tensors) {
  const root = node("", "", -1);
  for (const tensor of tensors) {
    let at = root;
    let path = "";
    const segments = tensor.name.split(".");
    for (let i = 0; i < segments.length; ++i) {
      path = i === 0 ? segments[0] : `${path}.${segments[i]}`;
      let next = at.children.get(segments[i]);
      if (!next) at.children.set(segments[i], next = node(segments[i], path, i));
      at = next;
    }
    at.tensor = tensor;
  }
  sum(root);
  return root;
}

const node = (label, path, depth) => ({label, path, depth, children: new Map(), tensor: null, count: 0, bytes: 0});

function sum(at) {
  at.count = at.tensor ? 1 : 0;
  at.bytes = at.tensor?.bytes ?? 0;
  for (const child of at.children.values()) {
    sum(child);
    at.count += child.count;
    at.bytes += child.bytes;
  }
}

// Children in natural order; a chain of single children is one of them.
function shownChildren(at) {
  if (!at.shown) {
    at.shown = [...at.children.values()].map((child) => {
      let end = child;
      let label = child.label;
      while (!end.tensor && end.children.size === 1) {
        end = end.children.values().next().value;
        label += `.${end.label}`;
      }
      return {node: end, label};
    });
    at.shown.sort((a, b) => natural(a.label, b.label));
  }
  return at.shown;
}

export class Tree {
  constructor(element, {select}) {
    this.element = element;
    this.select = select;
    this.expanded = new Set();
    this.rows = [];
    this.active = 0;
    this.selected = null;
    this.changed = new Set();
    this.spacer = h("div", {class: "spacer", role: "presentation"});
    element.replaceChildren(this.spacer);
    element.addEventListener("scroll", () => this.draw(), {passive: true});
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("click", (event) => this.click(event));
    new ResizeObserver(() => this.draw()).observe(element);
  }

  show(root, {open = false} = {}) {
    this.root = root;
    if (open && root.count <= 500) this.expandAll(root);
    this.refresh();
  }

  expandAll(at) {
    for (const child of at.children.values()) {
      if (child.children.size > 0) this.expanded.add(child.path);
      this.expandAll(child);
    }
  }

  refresh() {
    this.rows = [];
    const add = (at, level) => {
      for (const {node: child, label} of shownChildren(at)) {
        const folded = child.children.size > 0;
        this.rows.push({node: child, label, level, folded, open: folded && this.expanded.has(child.path)});
        if (folded && this.expanded.has(child.path)) add(child, level + 1);
      }
    };
    add(this.root, 1);
    this.active = Math.max(0, Math.min(this.active, this.rows.length - 1));
    this.spacer.style.height = `${this.rows.length * kRow}px`;
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.element.scrollTop / kRow) - 8);
    const end = Math.min(this.rows.length, first + Math.ceil(this.element.clientHeight / kRow) + 16);
    this.spacer.replaceChildren(...this.rows.slice(first, end).map((row, i) => this.draw_row(row, first + i)));
    if (this.rows.length > 0) this.element.setAttribute("aria-activedescendant", `row-${this.active}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  draw_row(row, index) {
    const {node: at, label, level} = row;
    const note = row.folded ? `${at.count.toLocaleString("en")} · ${bytes(at.bytes)}`
                            : `${shape(at.tensor.shape)} ${at.tensor.dtype}`;
    const classes = ["row"];
    if (at.path === this.selected) classes.push("selected");
    if (index === this.active) classes.push("active");
    if (this.changed.has(at.path)) classes.push("changed");
    const element = h("div", {class: classes.join(" "), role: "treeitem", id: `row-${index}`, "data-index": index,
                              "aria-level": level, "aria-selected": at.path === this.selected ? "true" : "false",
                              "aria-expanded": row.folded ? String(row.open) : undefined, title: at.path},
                      h("span", {class: "twist", "aria-hidden": "true"}, row.folded ? "›" : ""),
                      h("span", {class: "name"}, label), h("span", {class: "note"}, note));
    element.style.top = `${index * kRow}px`;
    element.style.paddingLeft = `${(level - 1) * 14 + 8}px`;
    return element;
  }

  click(event) {
    const element = event.target.closest(".row");
    if (!element) return;
    this.active = Number(element.dataset.index);
    const row = this.rows[this.active];
    if (row.folded && (event.target.closest(".twist") || row.node.path === this.selected)) this.toggle(row);
    this.choose();
  }

  toggle(row) {
    if (row.open) this.expanded.delete(row.node.path);
    else this.expanded.add(row.node.path);
    this.refresh();
  }

  choose() {
    const row = this.rows[this.active];
    if (!row) return;
    if (row.folded && !row.open && row.node.path !== this.selected) this.toggle(row);
    this.selected = row.node.path;
    this.draw();
    this.select(row.node);
  }

  move(to) {
    this.active = Math.max(0, Math.min(to, this.rows.length - 1));
    const top = this.active * kRow;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top + kRow > this.element.scrollTop + this.element.clientHeight)
      this.element.scrollTop = top + kRow - this.element.clientHeight;
    this.draw();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = this.rows[this.active];
    const page = Math.floor(this.element.clientHeight / kRow) - 1;
    const moves = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page};
    if (event.key in moves) this.move(this.active + moves[event.key]);
    else if (event.key === "Home") this.move(0);
    else if (event.key === "End") this.move(this.rows.length - 1);
    else if (event.key === "ArrowRight" && row?.folded) row.open ? this.move(this.active + 1) : this.toggle(row);
    else if (event.key === "ArrowLeft" && row) row.open ? this.toggle(row) : this.move(this.parent_of(this.active));
    else if (event.key === "Enter" || event.key === " ") this.choose();
    else return;
    event.preventDefault();
  }

  parent_of(index) {
    const level = this.rows[index].level;
    while (index > 0 && this.rows[index].level >= level) --index;
    return index;
  }
}
