// Every example, opened from its pane and run as the demo user; the live ones are made to move.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { parse } from 'graphql';
import { ask } from '../api.mjs';
import { data, live, openExample, run, stop, tokenIsIn } from '../editors.mjs';

const FOLDER = new URL('../../../examples/', import.meta.url);
const FIRST_FEED_POST = '{ feed(first: 1) { nodes { id } } }';
const ADD_COMMENT = 'mutation($input: AddCommentInput!) { addComment(input: $input) { errors { message } } }';

/** What an operation is of which the demo user may see nothing: it needs the shop's staff. */
const FOR_STAFF = /^# needs: staff$/m;

/** One step for each file that the demo user may run. */
export async function exampleSteps(graphqlUrl) {
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.graphql')).sort();
  const texts = await Promise.all(files.map(async (file) => [file, await readFile(new URL(file, FOLDER), 'utf8')]));
  const steps = texts.filter(([, text]) => !FOR_STAFF.test(text)).map(([file, text]) => step(file, text, graphqlUrl));
  return Object.fromEntries(steps);
}

function step(file, text, graphqlUrl) {
  const operation = parse(text).definitions[0];
  const name = file.replace(/^\d+-|\.graphql$/g, '');
  const field = operation.selectionSet.selections[0].name.value;
  const check = async (page, shot) => {
    await openExample(page, name, operation.name.value);
    await tokenIsIn(page);
    await run(page);
    const first = (await data(page, name, (value) => field in value))[field];
    assert.ok(first !== null, `${name} answers null`);
    if (operation.operation === 'mutation') assert.deepEqual(first.errors, []);
    if (operation.operation === 'subscription') await moves(page, field, first, graphqlUrl);
    await shot(`example-${name}`);
    if (operation.operation === 'subscription') await stop(page);
  };
  return [`the example ${name} runs`, check];
}

/** After the mutation that the example names, or else a comment in the feed, another event comes. */
async function moves(page, field, first, graphqlUrl) {
  assert.match(first.__typename, /Snapshot$/);
  const trigger = page.locator('.millrace-trigger');
  if (await trigger.isVisible()) await trigger.click();
  else await commentInFeed(graphqlUrl, await tokenIsIn(page));
  const next = (await data(page, 'the next event', (value) => value[field]?.cursor !== first.cursor))[field];
  assert.doesNotMatch(next.__typename, /Snapshot$|HistoryGone/);
  assert.ok((await live(page)).line?.events >= 2);
}

async function commentInFeed(graphqlUrl, authorization) {
  const { feed } = await ask(graphqlUrl, authorization, FIRST_FEED_POST);
  const input = { postId: feed.nodes[0].id, text: 'A comment from somewhere else' };
  const { addComment } = await ask(graphqlUrl, authorization, ADD_COMMENT, { input });
  assert.deepEqual(addComment.errors, []);
}
