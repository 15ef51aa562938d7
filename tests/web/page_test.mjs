// The page in a headless Chromium, as somebody uses it.
//
//   node page_test.mjs PROGRAM MODELS MODULES [SCREENSHOTS]
//
// MODELS: what make_models.py wrote. MODULES: a folder with playwright-core and axe-core.
import {spawn} from "node:child_process";
import {mkdtempSync, mkdirSync, cpSync, readFileSync, rmSync, existsSync} from "node:fs";
import {createRequire} from "node:module";
import {tmpdir} from "node:os";
import {join, resolve} from "node:path";

const [program, models, modules, screenshots] = process.argv.slice(2);
const require = createRequire(join(resolve(modules), "none.js"));
const {chromium} = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const expected = JSON.parse(readFileSync(join(models, "expected.json"), "utf8"));

let failures = 0;
function check(what, condition, seen = "") {
  if (condition) return;
  ++failures;
  console.log(`FAILED: ${what} ${seen}`);
}
// Polls from here: the page's policy forbids to evaluate text in it.
async function until(page, holds, argument) {
  const end = Date.now() + 120000;
  while (!await page.evaluate(holds, argument)) {
    if (Date.now() > end) throw new Error(`never true: ${holds}`);
    await new Promise((soon) => setTimeout(soon, 50));
  }
}
const near = (a, b, tolerance = 1e-6) => Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));

async function serve(folder, ...words) {
  const server = spawn(resolve(program), ["web", "--no-browser", "--port", "0", ...words], {cwd: folder});
  let text = "";
  const url = await new Promise((found, failed) => {
    server.stderr.on("data", (data) => {
      text += data;
      const match = /(http:\S+)\n/.exec(text);
      if (match) found(match[1]);
    });
    server.on("exit", () => failed(new Error(`the server ended: ${text}`)));
  });
  return {url, end: () => new Promise((done) => { server.removeAllListeners("exit"); server.on("exit", done); server.kill("SIGTERM"); })};
}

const folder = mkdtempSync(join(tmpdir(), "brainsurgery-page-"));
cpSync(models, folder, {recursive: true});
mkdirSync(join(folder, "empty"));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium", headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]});

async function open(url, options = {}) {
  const context = await browser.newContext({viewport: {width: 1440, height: 900}, acceptDownloads: true, ...options});
  const page = await context.newPage();
  page.setDefaultTimeout(120000);
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin) && !/^(data|blob):/.test(request.url())) complaints.push(request.url());
  });
  page.complaints = complaints;
  await page.goto(url, {timeout: 120000});
  return page;
}

const shot = async (page, name) => screenshots && page.screenshot({path: join(screenshots, `${name}.png`)});
const chartData = (page, key) => page.evaluate(async (wanted) => {
  const {chartOf} = await import("/page/plots.js");
  return chartOf(wanted)?.data.datasets.map((one) => ({label: one.label, data: one.data})) ?? null;
}, key);
const select = async (page, name) => {
  await page.fill("#filter", name.replace(/[.\\[\]()+*?^$|{}<>/]/g, "\\$&"));
  await until(page, () => /of/.test(document.getElementById("how-many").textContent));
  await until(page, (wanted) => [...document.querySelectorAll(".row")].some((row) => row.title === wanted), name);
  await page.evaluate((wanted) => [...document.querySelectorAll(".row")].find((row) => row.title === wanted).click(), name);
  await page.waitForSelector(".facts dd >> nth=4");
};
const factsOf = (page) => page.$$eval(".facts div", (all) => Object.fromEntries(all.map((one) =>
  [one.querySelector("dt").textContent, one.querySelector("dd").textContent])));
const numberOf = (text) => Number(text.replaceAll(",", "").replace(/ \(.*/, ""));

async function accessible(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21aa"]}));
  for (const violation of found.violations)
    check(`${where}: ${violation.id}`, false, violation.nodes.slice(0, 3).map((node) => node.html + node.failureSummary).join("\n"));
}

async function looks(page) {
  await page.waitForSelector(".row");
  check("the token leaves the address", !page.url().includes("token"), page.url());
  check("both models are there", (await page.$$eval("#alias option", (all) => all.map((one) => one.value))).join() === "model,model_2");
  await until(page, () => document.querySelectorAll('[data-plot="depth"]').length > 0);
  await until(page, async () => {
    const {chartOf} = await import("/page/plots.js");
    const depth = chartOf("depth");
    return depth && depth.data.datasets.filter((one) => one.data.length === 6).length === 3;
  });
  const attention = (await chartData(page, "depth")).find((one) => one.label === "h.*.attn.weight");
  attention.data.forEach(({x, y}) => check(`norm of layer ${x}`, near(y, expected.tensors[`h.${x}.attn.weight`].l2), y));
  await shot(page, `model-${await page.evaluate(() => document.documentElement.dataset.theme)}`);
}

async function tensor(page, name) {
  await select(page, name);
  const seen = await factsOf(page);
  const right = expected.tensors[name];
  for (const [label, value] of [["mean", right.mean], ["std", right.std], ["min", right.min], ["max", right.max], ["l2 norm", right.l2]])
    check(`${name}: ${label}`, near(numberOf(seen[label]), value, 2e-5), `${seen[label]} for ${value}`);
  check(`${name}: zeros`, numberOf(seen.zeros) === right.zeros, seen.zeros);
  await page.waitForSelector('[data-plot="histogram"]');
  const histogram = await chartData(page, "histogram");
  const off = histogram[0].data.reduce((sum, count, i) => sum + Math.abs(count - right.counts[i]), 0);
  check(`${name}: histogram`, off <= 2, `${off} elements in other bins`);
  await page.selectOption('[aria-label="Scale of the histogram"]', "log");
  await page.waitForSelector(".values td");
  const corner = await page.$$eval(".values tr", (rows) => rows.slice(1).map((row) =>
    [...row.querySelectorAll("td")].map((cell) => Number(cell.textContent.replaceAll(",", "")))));
  right.corner.forEach((row, i) => row.forEach((value, j) =>
    check(`${name}: value ${i}, ${j}`, near(corner[i][j], value, 1e-3), `${corner[i][j]} for ${value}`)));
  await page.waitForSelector('canvas[data-plot="heat"]');
  const colors = await page.$eval('canvas[data-plot="heat"]', (canvas) => {
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return {cells: canvas.width * canvas.height, different: new Set(new Uint32Array(data.buffer)).size};
  });
  check(`${name}: the heat map has colours`, colors.different > Math.min(20, colors.cells / 2), JSON.stringify(colors));
  if (right.row_norms.length > 1) {
    await page.waitForSelector('[data-plot="rows"]');
    const rows = await chartData(page, "rows");
    right.row_norms.slice(0, rows[0].data.length).forEach((norm, i) => check(`${name}: norm of row ${i}`, near(rows[0].data[i].y, norm)));
  }
}

async function pictureOf(page) {
  const answer = await page.evaluate(() => fetch("/api/picture?alias=model&name=wte.weight&rows=7&columns=5").then((r) => r.json()));
  check("the grid of a picture", answer.rows === 7 && answer.columns === 5 && answer.row_step === 43 && answer.column_step === 10,
        JSON.stringify(answer).slice(0, 200));
}

async function filters(page) {
  await page.fill("#filter", String.raw`h\.\d\.attn\..+`);
  await until(page, () => document.getElementById("how-many").textContent.startsWith("12 tensors of"));
  await page.fill("#filter", "[h, $i, mlp, weight]");
  await until(page, () => document.getElementById("how-many").textContent.startsWith("6 tensors of"));
  await page.fill("#filter", "");
  await page.selectOption("#filter-dtype", "float16");
  await until(page, () => document.getElementById("how-many").textContent.startsWith("6 tensors of"));
  await page.selectOption("#filter-dtype", "");
  await page.fill("#filter-shape", "48, *");
  await until(page, () => document.getElementById("how-many").textContent.startsWith("12 tensors of"));
  await page.fill("#filter-shape", "");
  await page.fill("#filter", "h(");
  await until(page, () => document.getElementById("how-many").classList.contains("bad"));
  await page.fill("#filter", "");
  await until(page, () => /^27 tensors, /.test(document.getElementById("how-many").textContent));
}

async function change(page) {
  await page.selectOption('[aria-label="Relative change against"]', "model_2");
  await until(page, async () => {
    const {chartOf} = await import("/page/plots.js");
    return chartOf("depth")?.data.datasets.some((one) => one.label === "h.*.mlp.weight" && one.data.length === 6 && one.data[0].y < 0.5);
  });
  const mlp = (await chartData(page, "depth")).find((one) => one.label === "h.*.mlp.weight");
  mlp.data.forEach(({x, y}) => check(`change of layer ${x}`, near(y, expected.change[`h.${x}.mlp.weight`]), y));
}

async function edits(page, second) {
  await select(page, "h.2.attn.weight");
  const before = numberOf((await factsOf(page))["l2 norm"]);
  await page.fill('[aria-label="Search steps"]', "scale_");
  await page.press('[aria-label="Search steps"]', "Enter");
  check("the reference is filled in", (await page.inputValue('[aria-label="The step as YAML"]')).includes(String.raw`model::h\.2\.attn\.weight`),
        await page.inputValue('[aria-label="The step as YAML"]'));
  await page.locator("#steps-panel form label", {hasText: "by"}).first().locator("input, textarea").fill("3");
  await page.click("#steps-panel .actions button >> text=Preview");
  await page.waitForSelector(".delta .changed");
  check("the preview", (await page.textContent(".delta")).includes("model::h.2.attn.weight  float32 [48, 144]"), await page.textContent(".delta"));
  check("a preview does nothing", await page.isDisabled("#undo"));
  await shot(page, "step");
  await page.click("#steps-panel button.primary");
  await until(page, () => !document.getElementById("undo").disabled);
  await until(page, (norm) => {
    const fact = [...document.querySelectorAll(".facts div")].find((one) => one.querySelector("dt").textContent === "l2 norm");
    return fact && Math.abs(Number(fact.querySelector("dd").textContent.replaceAll(",", "")) - norm) < 1e-3 * norm;
  }, 3 * before);
  await until(second, () => !document.getElementById("undo").disabled);
  check("the second tab sees the step", (await second.textContent(".history")).includes("scale_"));
  await page.click("text=The plan so far");
  check("the plan", /inputs:[\s\S]*scale_:[\s\S]*by: 3/.test(await page.inputValue('[aria-label="The plan so far"]')),
        await page.inputValue('[aria-label="The plan so far"]'));
  await page.click("#undo");
  await until(second, () => document.getElementById("undo").disabled && !document.getElementById("redo").disabled);
  await page.click("#redo");
  await until(page, () => document.getElementById("redo").disabled);
  await page.fill('[aria-label="The step as YAML"]', "assert: {equal: {left: model::h.2.attn.weight, right: model_2::h.2.attn.weight}}");
  await page.keyboard.press("Control+Enter");
  await page.waitForSelector("dialog[open] >> text=does not hold");
  await shot(page, "assertion");
  await page.keyboard.press("Escape");
  await page.fill('[aria-label="The step as YAML"]', "scal_: {from: x}");
  await page.click("#steps-panel button.primary");
  await until(page, () => document.querySelector("#steps-panel .box.bad")?.textContent.includes("scal_"));
  check("a mistake says what helps", (await page.textContent("#steps-panel .box.bad")).includes("did you mean 'scale"),
        await page.textContent("#steps-panel .box.bad"));
}

async function saves(page) {
  await page.click("#save-model");
  await page.fill('[aria-label="Path"]', "edited.safetensors");
  const download = page.waitForEvent("download");
  await page.click("dialog >> text=Save and download");
  await until(page, () => !document.getElementById("dialog").open);
  check("the file is written", existsSync(join(folder, "edited.safetensors")));
  const received = readFileSync(await (await download).path());
  check("and downloaded", received.equals(readFileSync(join(folder, "edited.safetensors"))));
  await page.click("#open-model");
  await page.click("dialog .option >> text=edited.safetensors");
  await page.click("dialog button.primary");
  await until(page, () => document.getElementById("alias").value === "model_3");
  await page.reload();
  await page.waitForSelector(".row");
  check("a reload keeps the session", (await page.$$("#alias option")).length === 3);
}

async function keyboard(page) {
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open] kbd");
  await shot(page, "keys");
  await page.keyboard.press("Escape");
  await page.keyboard.press("t");
  for (const key of ["Home", "ArrowRight", "ArrowDown", "Enter"]) await page.keyboard.press(key);
  check("a row is selected by keys", (await page.$$(".row.selected")).length === 1);
  await page.keyboard.press("/");
  check("/ leads to the filter", await page.evaluate(() => document.activeElement.id) === "filter");
  await page.keyboard.press("Escape");
  await page.keyboard.press("s");
  await page.keyboard.type("transp");
  await page.keyboard.press("Enter");
  check("a step is chosen by keys", /transpose|permute/.test(await page.inputValue('[aria-label="The step as YAML"]')),
        await page.inputValue('[aria-label="The step as YAML"]'));
  await page.keyboard.press("Escape");
  const theme = await page.evaluate(() => document.documentElement.dataset.theme);
  await page.keyboard.press("d");
  check("d changes the theme", await page.evaluate(() => document.documentElement.dataset.theme) !== theme);
  await page.keyboard.press("d");
}

async function hostileName(page) {
  await page.fill("#filter", "bold");
  await until(page, () => document.getElementById("how-many").textContent.startsWith("1 tensor of"));
  await page.keyboard.press("Escape");
  await page.click(".row");
  await page.waitForSelector("#look-panel h2");
  check("a name is text", (await page.textContent("#look-panel h2")).includes("<b>bold</b>") && (await page.$$("#look-panel b, .row b")).length === 0);
  await page.fill("#filter", "");
}

async function narrow(url) {
  const page = await open(url, {viewport: {width: 390, height: 800}, hasTouch: true});
  await page.waitForSelector(".row");
  check("nothing sticks out", await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await page.click(".tabs >> text=Look");
  check("the middle is shown", await page.isVisible("#look-panel") && !await page.isVisible("#names-panel"));
  await page.waitForSelector('[data-plot="depth"] canvas');
  await shot(page, "narrow");
  await page.click(".tabs >> text=Steps");
  check("the steps are shown", await page.isVisible("#steps-panel .list"));
  check("nothing sticks out of the steps", await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await page.context().close();
}

async function emptyState() {
  const server = await serve(join(folder, "empty"));
  const page = await open(server.url);
  await page.waitForSelector("text=No model is open");
  await shot(page, "empty");
  await page.click(".empty button");
  await page.waitForSelector("text=Nothing is here.");
  await page.fill('[aria-label="Path below the server\'s folder"]', "../base.safetensors");
  await page.click("dialog button.primary");
  await page.waitForSelector("dialog .box.bad");
  await shot(page, "open-refused");
  await accessible(page, "empty");
  await server.end();
}

const server = await serve(folder, "base.safetensors", "tuned.safetensors");
try {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open(server.url, {colorScheme});
    await looks(page);
    await accessible(page, `model, ${colorScheme}`);
    await tensor(page, "h.0.attn.weight");
    await shot(page, `tensor-${colorScheme}`);
    await accessible(page, `tensor, ${colorScheme}`);
    check(`no complaints, ${colorScheme}`, page.complaints.length === 0, page.complaints.join("\n"));
    await page.context().close();
  }
  const page = await open(server.url, {colorScheme: "light"});
  const second = await page.context().newPage();
  await second.goto(new URL("/", server.url).href);
  await second.waitForSelector(".row");
  await looks(page);
  await change(page);
  for (const name of ["h.3.attn.weight", "h.1.mlp.weight", "ids", "wte.weight"]) await tensor(page, name);
  await pictureOf(page);
  await filters(page);
  await hostileName(page);
  await edits(page, second);
  await accessible(page, "steps");
  await keyboard(page);
  await saves(page);
  await narrow(server.url);
  await emptyState();
} catch (error) {
  check("everything was found", false, error.stack);
} finally {
  await browser.close();
  await server.end();
  rmSync(folder, {recursive: true, force: true});
}
console.log(failures === 0 ? "the page works" : `${failures} failed`);
process.exit(failures === 0 ? 0 : 1);
