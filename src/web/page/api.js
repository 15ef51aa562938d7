// Calls of the server. Whatever it answers is data: nothing of it becomes markup.

export class Refused extends Error {
  constructor(answer) {
    super(answer.error || "the server gave no answer");
    this.answer = answer;
  }
}

async function answered(response) {
  let answer;
  try {
    answer = await response.json();
  } catch {
    answer = {ok: false, error: `the server answered ${response.status}`};
  }
  if (!answer.ok) throw new Refused(answer);
  return answer;
}

async function call(path, options) {
  let response;
  try {
    response = await fetch(path, {...options, credentials: "same-origin", cache: "no-store"});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused({ok: false, error: "the server does not answer; was it stopped?"});
  }
  return answered(response);
}

export function get(path, query = {}, signal = undefined) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(given).toString();
  return call(text ? `${path}?${text}` : path, {signal});
}

export function post(path, body = {}, signal = undefined) {
  return call(path, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body), signal});
}

// Tells of each kind of event that the server sends.
export function listen(handlers) {
  const source = new EventSource("/api/events");
  for (const [kind, handler] of Object.entries(handlers)) {
    source.addEventListener(kind, (event) => handler(event.data ? JSON.parse(event.data) : {}));
  }
  return source;
}
