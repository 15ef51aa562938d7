// Numbers of many tensors as curves over the layers that names count.

export const kMeasures = [
  {name: "l2", title: "l2 norm", logarithmic: true},
  {name: "rms", title: "root mean square", logarithmic: true},
  {name: "average", title: "mean", logarithmic: false},
  {name: "std", title: "std", logarithmic: true},
  {name: "largest", title: "largest magnitude", logarithmic: true},
  {name: "zeros", title: "share of zeros", logarithmic: false},
  {name: "change", title: "relative change", logarithmic: true, pair: true},
];

const kMost = 20;  // curves

// One curve for each kind of name, which is the name with its first number taken out: "h.*.attn.weight".
export function seriesOf(found, measure) {
  const kinds = new Map();
  for (const one of found) {
    const value = one[measure];
    const number = /(^|[._])(\d+)(?=[._]|$)/.exec(one.name);
    if (typeof value !== "number" || !number) continue;
    const begin = number.index + number[1].length;
    const kind = `${one.name.slice(0, begin)}*${one.name.slice(begin + number[2].length)}`;
    if (!kinds.has(kind)) kinds.set(kind, []);
    kinds.get(kind).push({x: Number(number[2]), y: value});
  }
  return [...kinds].map(([label, points]) => ({label, points: points.sort((a, b) => a.x - b.x)}))
      .sort((a, b) => b.points.length - a.points.length).slice(0, kMost);
}
