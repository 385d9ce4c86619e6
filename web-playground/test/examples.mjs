// Runs every example against a running millrace with its demo community.
// Usage: npm run test:examples -- http://127.0.0.1:4000/   (or MILLRACE_URL)
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { buildClientSchema, getIntrospectionQuery, parse, validate } from 'graphql';
import WebSocket from 'ws';
import { endpointsOf, sendTo } from './.unit/endpoint.js';
import { parseExample } from './.unit/example-file.js';
import { createLiveClient, errorsOf } from './.unit/live-client.js';
import { fillPlaceholders } from './.unit/placeholders.js';
import { subscribeWithResume } from './.unit/resume.js';
import { DemoSession } from './.unit/session.js';

const EVENT_WAIT_MS = 20_000;
const TRIGGER_EVERY_MS = 1_000;
const FOLDER = new URL('../../examples/', import.meta.url);

const endpoints = endpointsOf(process.argv[2] ?? process.env.MILLRACE_URL ?? 'http://127.0.0.1:4000/');
const send = sendTo(endpoints.http);
const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.graphql')).sort();
const examples = await Promise.all(files.map(async (name) => parseExample(name, await readFile(new URL(name, FOLDER), 'utf8'))));
const named = (name) => examples.find((example) => example.name === name) ?? assert.fail(`there is no example ${name}`);
const session = new DemoSession(send, operationOf(named('sign-in'), named('sign-in').variables));
const authorization = await session.signIn();

const schema = await schemaOfServer();
const failures = [];
for (const example of examples) {
  try {
    await check(example);
    console.log(`ok  ${example.name}`);
  } catch (error) {
    failures.push(example.name);
    console.error(`not ok  ${example.name}: ${error.message}`);
  }
}
assert.deepEqual(failures, []);

async function schemaOfServer() {
  const { data, errors } = await send({ query: getIntrospectionQuery() }, {});
  assert.equal(errors, undefined);
  return buildClientSchema(data);
}

async function check(example) {
  const problems = validate(schema, parse(example.query));
  assert.deepEqual(problems.map((problem) => problem.message), []);
  return example.kind === 'subscription' ? listen(example) : execute(example);
}

function operationOf({ query, operationName }, variables) {
  return { query, operationName, variables };
}

async function variablesOf(example) {
  return JSON.parse(await fillPlaceholders(JSON.stringify(example.variables), send));
}

function headersOf(example) {
  return example.needsSignIn ? { Authorization: authorization } : {};
}

async function execute(example) {
  const { data, errors } = await send(operationOf(example, await variablesOf(example)), headersOf(example));
  assert.equal(errors, undefined, JSON.stringify(errors));
  const payload = Object.values(data)[0];
  assert.ok(payload !== null, 'the answer is null');
  if (example.kind === 'mutation') assert.deepEqual(payload.errors, []);
}

/** Waits for an event. The trigger is pulled until one comes, since nothing tells when a subscription has begun to listen. */
async function listen(example) {
  const variables = await variablesOf(example);
  const client = createLiveClient({ url: endpoints.socket, webSocketImpl: WebSocket, connectionParams: headersOf(example) });
  const trigger = example.trigger && named(example.trigger);
  const pull = () => trigger && execute({ ...trigger, variables: { ...trigger.variables, ...variables } }).catch(() => {});
  const pulling = setInterval(pull, TRIGGER_EVERY_MS);
  try {
    const { data, errors } = await firstEvent(client, operationOf(example, variables));
    assert.equal(errors, undefined, JSON.stringify(errors));
    assert.equal(typeof Object.values(data)[0].cursor, 'string', JSON.stringify(data));
  } finally {
    clearInterval(pulling);
  }
}

function firstEvent(client, operation) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => (stop(), reject(new Error(`no event in ${EVENT_WAIT_MS} ms`))), EVENT_WAIT_MS);
    const settle = (finish, value) => (clearTimeout(late), finish(value));
    const stop = subscribeWithResume(client, operation, {
      next: (event) => (stop(), settle(resolve, event)),
      error: (problem) => settle(reject, new Error(JSON.stringify(errorsOf(problem)))),
      complete: () => settle(reject, new Error('it ended without an event')),
    });
  });
}
