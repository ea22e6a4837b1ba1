// A client in another language: submits through JetStream and through the service, follows live events, asks, calls off.
// CALLBOARD_NATS_URL is where a callboard runs that serves the agents of tests/data/wire_agents.py.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import { connect, createInbox, headers } from "@nats-io/transport-node";

const TERMINAL = new Set(["completed", "failed", "cancelled", "expired"]);
const WAIT_MS = 20_000;

let connection;
let js;

before(async () => {
  connection = await connect({ servers: process.env.CALLBOARD_NATS_URL, reconnect: false, timeout: WAIT_MS });
  js = jetstream(connection, { timeout: WAIT_MS });
});

after(async () => await connection.close());

/** Follows one task; `until(name)` resolves to all of its events so far once one of that name has come. */
async function follow(id) {
  const subscription = connection.subscribe(`callboard.live.task.${id}.>`);
  await connection.flush();
  const messages = subscription[Symbol.asyncIterator]();
  const events = [];
  return async function until(...names) {
    while (!events.some((event) => names.includes(event.name))) {
      const { value: message } = await inTime(messages.next(), `an event out of ${names}`);
      const [, , , taskId, version, name, ...tail] = message.subject.split(".");
      events.push({ taskId, version: Number(version), name, tail, body: message.json(), headers: message.headers });
    }
    return events;
  };
}

function inTime(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), WAIT_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Asks the service; an error has a `code`, which stands in its headers. */
async function ask(endpoint, body) {
  const reply = await connection.request(`callboard.${endpoint}`, JSON.stringify(body), { timeout: WAIT_MS });
  const code = Number(reply.headers?.get("Nats-Service-Error-Code") || 200);
  return { code, error: reply.headers?.get("Nats-Service-Error"), body: reply.json() };
}

const versions = (events) => events.map((event) => event.version);
const names = (events) => events.map((event) => event.name);

test("a task submitted through JetStream is done, and its events can be followed", async () => {
  const id = randomUUID();
  const until = await follow(id);

  const ack = await js.publish("callboard.submit", JSON.stringify({ id, input: "echo größe 😀", priority: 2 }));

  assert.equal(ack.stream, "CALLBOARD_COMMANDS");
  assert.equal(ack.duplicate, false);
  const events = await until(...TERMINAL);
  assert.deepEqual(names(events), ["submitted", "routed", "assigned", "started", "completed"]);
  assert.deepEqual(versions(events), [1, 2, 3, 4, 5]);
  assert.deepEqual(events[2].tail, ["echo", "critical"]);
  assert.deepEqual(events[4].body.output, { echo: "echo größe 😀" });
  for (const event of events) {
    assert.equal(event.body.id, id);
    assert.equal(event.body.version, event.version);
    assert.match(event.body.at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    assert.ok(!Number.isNaN(Date.parse(event.body.at)));
  }
});

test("the same message id is stored once, the same task id is one task", async () => {
  const id = randomUUID();
  const until = await follow(id);
  const body = JSON.stringify({ id, input: "echo" });

  const first = await js.publish("callboard.submit", body, { msgID: id });
  const second = await js.publish("callboard.submit", body, { msgID: id });
  await until("completed");
  const third = await ask("api.submit", { id, input: "echo again" });

  assert.deepEqual([second.seq, second.duplicate], [first.seq, true]);
  assert.equal(third.body.id, id);
  assert.equal((await ask("query.task", { id, min_seq: third.body.seq })).body.version, 5);
});

test("the service takes a submission and waits for its result", async () => {
  const id = randomUUID();

  const submitted = await ask("api.submit", { id, agent: "reporter", input: 1, metadata: { from: "node" } });
  const result = await ask("api.result", { id, wait_seconds: 20 });

  assert.deepEqual(Object.keys(submitted.body).sort(), ["id", "seq"]);
  assert.equal(result.body.status, "completed");
  assert.equal(result.body.output, `done with ${id}`);
  assert.deepEqual(result.body.metadata, { from: "node" });
  assert.ok(result.body.as_of_seq >= submitted.body.seq);
  const { body } = await ask("query.events", { id });
  const progressed = body.events.filter((event) => event.event === "progressed");
  assert.deepEqual(progressed.map((event) => event.fraction), [0.25, undefined, 1]);
});

test("a task that fails says why after its attempts", async () => {
  const id = randomUUID();
  const until = await follow(id);

  await js.publish("callboard.submit.flaky", JSON.stringify({ id, input: { succeeds_at: 9 }, max_attempts: 2 }));

  const events = await until(...TERMINAL);
  const { error, attempts } = events.at(-1).body;
  assert.deepEqual({ error, attempts }, {
    error: { type: "ConnectionError", message: "attempt 2 of 2 came to nothing" },
    attempts: 2,
  });
});

test("a running task is called off", async () => {
  const id = randomUUID();
  const until = await follow(id);
  await js.publish("callboard.submit.waiter", JSON.stringify({ id, input: 1 }));
  await until("started");

  await js.publish(`callboard.cancel.${id}`, JSON.stringify({ reason: "no longer needed" }));

  const events = await until(...TERMINAL);
  assert.equal(events.at(-1).name, "cancelled");
  assert.equal(events.at(-1).body.reason, "no longer needed");
  assert.equal((await ask("api.cancel", { id })).code, 200);
});

test("what cannot be taken is a dead letter with its bytes, and the sender is told", async () => {
  const inbox = createInbox();
  const answers = connection.subscribe(inbox)[Symbol.asyncIterator]();
  const dead = connection.subscribe("callboard.dead.>")[Symbol.asyncIterator]();
  await connection.flush();
  const hdrs = headers();
  hdrs.set("Callboard-Reply-To", inbox);
  const bytes = Uint8Array.from([0x7b, 0xff, 0x00, 0x7d]);

  const ack = await js.publish("callboard.submit", bytes, { headers: hdrs });

  const { value: letter } = await inTime(dead.next(), "a dead letter");
  assert.equal(letter.subject, "callboard.dead.malformed");
  assert.deepEqual(Uint8Array.from(letter.data), bytes);
  assert.equal(letter.headers.get("Callboard-Subject"), "callboard.submit");
  assert.equal(Number(letter.headers.get("Callboard-Sequence")), ack.seq);
  assert.ok(letter.headers.get("Callboard-Error"));
  const { value: answer } = await inTime(answers.next(), "an answer");
  assert.equal(answer.json().type, "callboard:malformed");
});

test("errors of the service carry a code, a sentence and the field", async () => {
  const missing = await ask("query.task", { id: "nobody-knows-it" });
  const wrong = await ask("query.tasks", { limit: 0 });

  assert.equal(missing.code, 404);
  assert.match(missing.error, /nobody-knows-it/);
  assert.equal(wrong.code, 400);
  assert.equal(wrong.body.field, "limit");
});

test("pages, statistics and agents", async () => {
  const user = randomUUID();
  let seq = 0;
  for (let n = 0; n < 5; n++) {
    seq = (await ask("api.submit", { input: n, agent: "echo", user_id: user })).body.seq;
  }

  const first = await ask("query.tasks", { user_id: user, limit: 3, min_seq: seq });
  const rest = await ask("query.tasks", { user_id: user, limit: 3, after: first.body.next });

  assert.deepEqual([...first.body.tasks, ...rest.body.tasks].map((task) => task.input), [4, 3, 2, 1, 0]);
  assert.equal(rest.body.next, null);
  assert.ok((await ask("query.stats", { min_seq: seq })).body.total >= 5);
  assert.ok((await ask("query.agents", {})).body.agents.some((agent) => agent.agent === "echo"));
});

test("the whole log can be read from its beginning, without gaps in any task", async () => {
  const id = randomUUID();
  const until = await follow(id);
  await js.publish("callboard.submit", JSON.stringify({ id, input: "echo" }));
  await until("completed");

  const consumer = await js.consumers.get("CALLBOARD_EVENTS", { filter_subjects: "callboard.events.task.>" });
  const seen = new Map();
  for await (const message of await consumer.consume()) {
    const [, , , taskId, version] = message.subject.split(".");
    assert.equal(Number(version), (seen.get(taskId) ?? 0) + 1, message.subject);
    seen.set(taskId, Number(version));
    if (message.info.pending === 0) break;
  }

  assert.equal(seen.get(id), 5);
});
