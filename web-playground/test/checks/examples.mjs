// Every example, opened from its pane and run as the demo user; the live ones are made to move.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { parse } from 'graphql';
import { data, live, openExample, pressTrigger, run, stop, tabIsInSight, tokenIsIn } from '../editors.mjs';

const FOLDER = new URL('../../../examples/', import.meta.url);

/** What an operation is of which the demo user may see nothing: it needs the shop's staff. */
const FOR_STAFF = /^# needs: staff$/m;

/** One step for each file that the demo user may run. */
export async function exampleSteps() {
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.graphql')).sort();
  const texts = await Promise.all(files.map(async (file) => [file, await readFile(new URL(file, FOLDER), 'utf8')]));
  const steps = texts.filter(([, text]) => !FOR_STAFF.test(text)).map(([file, text]) => step(file, text));
  return Object.fromEntries(steps);
}

function step(file, text) {
  const operation = parse(text).definitions[0];
  const name = file.replace(/^\d+-|\.graphql$/g, '');
  const field = operation.selectionSet.selections[0].name.value;
  const check = async (page, shot) => {
    await openExample(page, name, operation.name.value);
    await tabIsInSight(page);
    await tokenIsIn(page);
    await run(page);
    const first = (await data(page, name, (value) => field in value))[field];
    assert.ok(first !== null, `${name} answers null`);
    if (operation.operation === 'mutation') assert.deepEqual(first.errors, []);
    if (operation.operation === 'subscription') await moves(page, field, first);
    await shot(`example-${name}`);
    if (operation.operation === 'subscription') await stop(page);
  };
  return [`the example ${name} runs`, check];
}

/** After the mutation that the example names, which its button sends, another event comes. */
async function moves(page, field, first) {
  assert.match(first.__typename, /Snapshot$/);
  await pressTrigger(page);
  const next = (await data(page, 'the next event', (value) => value[field]?.cursor !== first.cursor))[field];
  assert.doesNotMatch(next.__typename, /Snapshot$|HistoryGone/);
  assert.ok((await live(page)).line?.events >= 2);
}
