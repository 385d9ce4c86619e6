// What a person sees and does on the pipeline page.
import assert from 'node:assert/strict';
import { ask, signInAsDemo } from '../api.mjs';
import { until, WAIT_MS } from '../steps.mjs';

const HOPS_MIN = 4;

/** The line that tells how all of it is. */
export const health = (page) => page.locator('.health');
/** Waits until the page has its connection in this state. */
export const isConnected = (page, state) => page.locator(`.health[data-connection="${state}"]`).waitFor({ timeout: WAIT_MS });
export const place = (page, id) => page.locator(`[data-place="${id}"]`);
export const signIn = async (page) => {
  await page.getByRole('button', { name: 'Sign in as demo user' }).click();
  await page.getByRole('button', { name: 'Sign out demo user' }).waitFor();
};

/** Looks for an id and answers what is shown of it. */
export async function find(page, id) {
  const shown = () => page.locator('[data-found]').innerText();
  await page.getByLabel('The id of a command, or of anything').fill(id);
  await page.getByRole('button', { name: 'Find' }).click();
  return until('what was found', shown, (text) => text !== '');
}

/** Steps that a running millrace and its stand-in both pass. */
export const pipelineSteps = {
  async 'figures come, and every place stands'(page, shot) {
    await isConnected(page, 'live');
    for (const id of ['log', 'relay', 'stream', 'projection:content', 'stores', 'subscribers']) await place(page, id).waitFor();
    const words = await page.locator('.strip svg').getAttribute('aria-label');
    assert.match(words, /PostgreSQL: .*JetStream: .*content: /s);
    await shot('pipeline');
  },

  async 'signed out, there is nothing to send or to look for'(page) {
    assert.equal(await page.getByRole('button', { name: 'Send a comment' }).count(), 0);
    assert.equal(await page.getByRole('button', { name: 'Find' }).count(), 0);
  },

  async 'the lags of each projection are drawn and stand in a table'(page) {
    await page.locator('.chart canvas').waitFor();
    await page.getByText('The numbers').click();
    const rows = page.locator('[data-table="lags"] tbody tr');
    await until('a minute', () => rows.count(), (count) => count >= 1);
    assert.ok((await page.locator('[data-table="lags"] thead th').allInnerTexts()).includes('content'));
  },

  async 'a comment is sent and its waterfall drawn'(page, shot) {
    await signIn(page);
    await page.getByRole('button', { name: 'Send a comment' }).click();
    await page.locator('[data-try="done"] [data-summary]').waitFor({ timeout: WAIT_MS });
    const summary = await page.locator('[data-summary]').innerText();
    assert.match(summary, /^Answered after .*in the stream .*visible .*pushed to this page after [\d.]+ m?s\.$/);
    for (const bar of ['Answered', 'In the stream', 'Projection content', 'Pushed to this page']) {
      assert.equal(await page.locator(`[data-bar="${bar}"] .bar`).count(), 1, bar);
    }
    await shot('pipeline-waterfall');
  },

  async 'events are seen on their way'(page) {
    await page.locator('[data-table="events"] tbody tr').first().waitFor({ timeout: WAIT_MS });
    const hops = page.locator('[data-table="hops"] tbody tr');
    await until('hops', () => hops.count(), (count) => count >= HOPS_MIN);
  },

  async 'what is no id, and what nobody knows, is told in words'(page) {
    assert.match(await find(page, 'no id at all'), /no id of this API/);
  },
};

const NEWEST_POST = '{ posts(first: 1) { nodes { id } } }';
const LIKE = 'mutation($postId: ID!) { likePost(input: { postId: $postId }) { receipt { commandId } errors { message } } }';
const UNLIKE = 'mutation($postId: ID!) { unlikePost(input: { postId: $postId }) { receipt { commandId } errors { message } } }';
const BETWEEN_LIKES_MS = 400;

const newestPost = async (url) => (await ask(url, null, NEWEST_POST)).posts.nodes[0].id;

/** What the demo user did elsewhere is found by its id, until every read shows it. */
export async function commandIsFound(page, url, shot) {
  const authorization = await signInAsDemo(url);
  const postId = await newestPost(url);
  await ask(url, authorization, UNLIKE, { postId });
  const { likePost } = await ask(url, authorization, LIKE, { postId });
  const look = () => find(page, likePost.receipt.commandId);
  const text = await until('the whole way', look, (shown) => shown.includes('A command, every read shows it'));
  assert.match(text, /PostgreSQL\s.*events? [\d,]+.* of the log/);
  assert.match(text, /Projection content\s.*every read shows it/);
  await shot('pipeline-find');
  await ask(url, authorization, UNLIKE, { postId });
}

/** Anything is found by its id. */
export async function aPostIsFound(page, url) {
  const text = await find(page, await newestPost(url));
  assert.match(text, /^Post: .*PostgreSQL.*JetStream.*Projection content.*MongoDB, Redis/s);
}

/** Runs `check` while somebody likes a post and likes it no more, so that there are events to see. */
export async function keepsMoving(url, check) {
  const authorization = await signInAsDemo(url);
  const postId = await newestPost(url);
  let isOver = false;
  const moves = (async () => {
    for (let turn = 0; !isOver; turn++) {
      await ask(url, authorization, turn % 2 === 0 ? LIKE : UNLIKE, { postId });
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_LIKES_MS));
    }
    await ask(url, authorization, UNLIKE, { postId });
  })();
  await check().finally(() => (isOver = true));
  await moves;
}

/** The server goes away and comes back: the page says so, and goes on. */
export async function goesOnAfterRestart(page, restart, shot) {
  const lost = page.locator('.health[data-connection="lost"]').waitFor({ timeout: WAIT_MS });
  await Promise.all([restart(), lost.then(() => shot('pipeline-disconnected')(page))]);
  await isConnected(page, 'live');
  await until('figures of now', () => page.locator('.strip').getAttribute('data-current'), (current) => current === 'true');
}

/** Dots move, and stop for whoever asks for less motion. */
export async function dotsMove(page, shot = () => async () => {}) {
  await page.locator('.dots circle').first().waitFor({ state: 'attached', timeout: WAIT_MS });
  const read = () => page.locator('.dots').innerHTML();
  const before = await read();
  await until('another place', read, (now) => now !== before);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.locator('.dots').waitFor({ state: 'detached' });
  await page.getByText('asks for less motion').waitFor();
  await shot('pipeline-less-motion')(page);
}

/** Nothing sticks out of a narrow window. */
export async function fits(page, width) {
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
  const out = await page.evaluate((right) => {
    const texts = [...document.querySelectorAll('svg text, button, input, h2')];
    return texts.filter((text) => text.getBoundingClientRect().right > right + 0.5).map((text) => text.textContent);
  }, width);
  assert.deepEqual(out, []);
  const cut = () => [...document.querySelectorAll('.scroll')].filter((frame) => frame.scrollWidth > frame.clientWidth).map((frame) => frame.textContent);
  assert.deepEqual(await page.evaluate(cut), [], 'no table has columns out of sight');
}
