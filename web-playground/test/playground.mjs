// Opens the playground of a running millrace in Chromium and uses it as a person would.
// Usage: node test/playground.mjs http://127.0.0.1:4000/   (or MILLRACE_URL; SCREENSHOTS=folder keeps pictures)
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { openWatched, withBrowser } from './browser.mjs';
import { answer, markersOf, openTab, run, textOf, typeOperation, until, WAIT_MS } from './editors.mjs';

const URL_OF_SERVER = new URL(process.argv[2] ?? process.env.MILLRACE_URL ?? 'http://127.0.0.1:4000/').href;
const SCREENSHOTS = process.env.SCREENSHOTS;
const WORKERS = 3;
/** What the server sends with fallback.html. */
const FALLBACK_POLICY =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const shot = async (page, name) => SCREENSHOTS && page.screenshot({ path: `${SCREENSHOTS}/${name}.png` });

const footer = (page) => page.locator('.millrace-live');

const steps = {
  async 'the editors and their workers start'(page) {
    await page.waitForSelector('.graphiql-query-editor .view-line', { timeout: WAIT_MS });
    await until('three workers', async () => page.workers().length, (count) => count === WORKERS);
    await shot(page, 'first');
  },

  async 'the first example shows data'(page) {
    await openTab(page, 'NewestPosts');
    await run(page);
    const { data, errors } = await answer(page, 'the newest posts', (value) => value.data || value.errors);
    assert.equal(errors, undefined);
    assert.ok(data.posts.nodes.length > 0, 'the demo community has posts');
    assert.ok(data.posts.nodes[0].author.fullName.length > 0);
    await shot(page, 'newest-posts');
  },

  async 'the id of the newest post is filled in'(page) {
    await openTab(page, 'PostWithComments');
    const variables = await until('the id', () => textOf(page, 'variables.json'), (text) => text.includes('postId') && !text.includes('{{'));
    await run(page);
    const { data } = await answer(page, 'the post', (value) => value.data?.post);
    assert.ok(data.post.title.length > 0, variables);
  },

  async 'a mutation without sign-in is refused'(page) {
    await openTab(page, 'CreatePost');
    await run(page);
    const { errors } = await answer(page, 'the refusal', (value) => value.data || value.errors);
    assert.equal(errors?.[0]?.extensions?.code, 'UNAUTHENTICATED');
  },

  async 'the demo user signs in, and a mutation succeeds'(page) {
    await page.getByRole('button', { name: 'Sign in as demo user', exact: true }).click();
    await until('the token', () => textOf(page, 'request-headers.json'), (text) => /"Authorization": "Bearer \S+"/.test(text));
    await run(page);
    const { data, errors } = await answer(page, 'the new post', (value) => value.data?.createPost || (value.errors && value.errors[0].extensions?.code !== 'UNAUTHENTICATED'));
    assert.equal(errors, undefined);
    assert.deepEqual(data.createPost.errors, []);
    assert.equal(data.createPost.receipt.accepted, true);
    await shot(page, 'create-post');
  },

  async 'the token follows to another tab and into no storage'(page) {
    const headers = await textOf(page, 'request-headers.json');
    const token = /Bearer (\S+)"/.exec(headers)[1];
    await openTab(page, 'NewestPosts');
    await until('the token', () => textOf(page, 'request-headers.json'), (text) => text.includes(token));
    await run(page);
    await answer(page, 'the posts', (value) => value.data?.posts);
    const stored = await until('the history', () => page.evaluate(() => JSON.stringify({ ...localStorage })), (text) => text.includes('queries') && text.includes('CreatePost'));
    assert.ok(!stored.includes(token), 'the token is in localStorage');
    const foreign = await page.evaluate(() => Object.keys(localStorage).filter((key) => !key.startsWith('millrace:')));
    assert.deepEqual(foreign, []);
  },

  async 'the live example moves after a mutation, and stops'(page) {
    await openTab(page, 'WatchPost');
    await until('the id', () => textOf(page, 'variables.json'), (text) => text.includes('postId') && !text.includes('{{'));
    const opened = page.waitForEvent('websocket');
    await run(page);
    const socket = await opened;
    const first = await answer(page, 'the snapshot', (value) => value.data?.postChanged || value.errors);
    assert.equal(first.data?.postChanged.__typename, 'PostSnapshot', JSON.stringify(first));
    await page.locator('.millrace-trigger').click();
    const count = first.data.postChanged.post.commentCount;
    const next = await answer(page, 'the change', (value) => value.data?.postChanged?.post?.commentCount > count);
    assert.equal(next.data.postChanged.__typename, 'PostChanged');
    assert.notEqual(next.data.postChanged.cursor, first.data.postChanged.cursor);
    await shot(page, 'live');
    const closed = socket.waitForEvent('close');
    await run(page);
    await closed;
    await footer(page).waitFor({ state: 'detached' });
  },

  async 'an example opens from the pane'(page) {
    await page.locator('[data-example="like-post"]').click();
    await until('the example', () => textOf(page, 'operation.graphql'), (text) => text.includes('mutation LikePost'));
    await until('its id', () => textOf(page, 'variables.json'), (text) => text.includes('postId') && !text.includes('{{'));
    await until('its token', () => textOf(page, 'request-headers.json'), (text) => text.includes('Bearer'));
    await run(page);
    const { data } = await answer(page, 'the like', (value) => value.data?.likePost || value.errors);
    assert.deepEqual(data?.likePost.errors, []);
  },

  async 'an example that is open is not opened twice'(page) {
    const tabs = () => page.locator('[id^="graphiql-session-tab-"]').count();
    const before = await tabs();
    await page.locator('[data-example="watch-post"]').click();
    await until('its tab', () => textOf(page, 'operation.graphql'), (text) => text.includes('subscription WatchPost'));
    assert.equal(await tabs(), before);
  },

  async 'a live example that needs sign-in tells so'(page) {
    await page.getByRole('button', { name: 'Sign out demo user' }).click();
    await page.locator('[data-example="watch-feed"]').click();
    await until('the example', () => textOf(page, 'operation.graphql'), (text) => text.includes('subscription WatchFeed'));
    await run(page);
    const { errors } = await answer(page, 'the refusal', (value) => value.data || value.errors);
    assert.equal(errors?.[0]?.extensions?.code, 'UNAUTHENTICATED', JSON.stringify(errors));
    await page.getByRole('button', { name: 'Sign in as demo user', exact: true }).click();
    await until('the token', () => textOf(page, 'request-headers.json'), (text) => text.includes('Bearer'));
    await run(page);
    await answer(page, 'the feed', (value) => value.data?.feedChanged?.cursor);
    await run(page);
  },

  async 'completion comes from the schema'(page) {
    await page.getByRole('button', { name: 'New tab' }).click();
    await until('an empty tab', () => textOf(page, 'operation.graphql'), (text) => text === '');
    await typeOperation(page, 'query { po');
    await page.keyboard.press('Control+Space');
    const suggestions = page.locator('.suggest-widget.visible .monaco-list-row');
    await suggestions.first().waitFor();
    const names = await until('suggestions', () => suggestions.allInnerTexts(), (rows) => rows.some((row) => row.startsWith('posts')));
    assert.ok(names.some((row) => row.startsWith('post') && !row.startsWith('posts')), names.join(' | '));
    await shot(page, 'completion');
    await page.keyboard.press('Escape');
  },

  async 'an unknown field and broken variables are marked'(page) {
    await typeOperation(page, 'query Unknown { noSuchFieldHere }');
    await page.locator('.graphiql-query-editor .squiggly-error').first().waitFor({ timeout: WAIT_MS });
    await until('the message', () => markersOf(page), (messages) => messages.some((message) => message.includes('noSuchFieldHere')));
    await page.locator('.graphiql-editor-tool .monaco-editor').first().click();
    await page.keyboard.insertText('{ "open": ');
    await page.locator('.graphiql-editor-tool .squiggly-error').first().waitFor({ timeout: WAIT_MS });
    await shot(page, 'unknown-field');
  },

  async 'prettify works'(page) {
    await typeOperation(page, 'query   Pretty{posts(first:1){nodes{id}}}');
    await page.getByRole('button', { name: /Prettify/ }).click();
    await until('the tidy text', () => textOf(page, 'operation.graphql'), (text) => text.includes('query Pretty {\n  posts(first: 1) {\n'));
  },

  async 'signing out takes the token away'(page) {
    await page.getByRole('button', { name: 'Sign out demo user' }).click();
    await until('empty headers', () => textOf(page, 'request-headers.json'), (text) => text === '');
  },
};

/** A subscription whose socket is cut from outside comes back behind its last event. */
async function resumes(context) {
  const cuts = [];
  const subscribes = [];
  const { page, offences } = await openWatched(context, URL_OF_SERVER, async (fresh) => {
    await fresh.routeWebSocket(/\/graphql$/, (socket) => {
      const server = socket.connectToServer();
      socket.onMessage((text) => {
        const message = JSON.parse(text);
        if (message.type === 'subscribe') subscribes.push(message.payload.variables);
        server.send(text);
      });
      cuts.push(() => Promise.all([socket.close({ code: 1012, reason: 'cut by the test' }), server.close()]));
    });
  });
  await page.waitForSelector('.graphiql-query-editor .view-line', { timeout: WAIT_MS });
  await openTab(page, 'WatchPost');
  await until('the id', () => textOf(page, 'variables.json'), (text) => text.includes('postId') && !text.includes('{{'));
  await run(page);
  const first = await answer(page, 'the snapshot', (value) => value.data?.postChanged?.cursor);
  await cuts[0]();
  await until('the resumed socket', () => footer(page).getAttribute('data-resumes'), (count) => count === '1');
  assert.equal(subscribes.at(-1).after, first.data.postChanged.cursor);
  await page.locator('.millrace-trigger').click();
  const count = first.data.postChanged.post.commentCount;
  const next = await answer(page, 'the change', (value) => value.data?.postChanged?.post?.commentCount > count);
  assert.equal(next.data.postChanged.__typename, 'PostChanged', 'a resumed subscription gets no second snapshot');
  assert.ok(Number(await footer(page).getAttribute('data-events')) >= 2);
  await shot(page, 'resumed');
  assert.deepEqual(offences, []);
}

async function fitsNarrowWindow(context) {
  const { page, offences } = await openWatched(context, URL_OF_SERVER, (fresh) => fresh.setViewportSize({ width: 400, height: 800 }));
  await page.waitForSelector('.graphiql-query-editor .view-line', { timeout: WAIT_MS });
  await openTab(page, 'NewestPosts');
  await run(page);
  await answer(page, 'the newest posts', (value) => value.data?.posts);
  for (const control of [page.locator('.graphiql-execute-button'), page.locator('.millrace-demo-button'), page.locator('.graphiql-response')]) {
    const box = await control.boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 400, JSON.stringify(box));
  }
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 400);
  await shot(page, 'narrow');
  assert.deepEqual(offences, []);
}

/** The page for a server without dist/, against the same API. */
async function fallbackWorks(context) {
  // Chromium doesn't know from which network a page of the test's own comes, and would not let it talk to this machine.
  await context.grantPermissions(['local-network-access'], { origin: new URL(URL_OF_SERVER).origin });
  const body = await readFile(new URL('../fallback.html', import.meta.url));
  const headers = { 'content-security-policy': FALLBACK_POLICY };
  const { page, offences } = await openWatched(context, new URL('fallback.html', URL_OF_SERVER).href, async (fresh) => {
    await fresh.route('**/fallback.html', (route) => route.fulfill({ body, headers, contentType: 'text/html' }));
  });
  const shown = async () => JSON.parse((await page.locator('#answer').textContent()) || 'null');
  await page.getByRole('button', { name: 'Run' }).click();
  await until('the posts', shown, (value) => value?.data?.posts?.nodes.length > 0);
  const id = (await shown()).data.posts.nodes[0].id;
  await page.locator('#variables').fill(JSON.stringify({ postId: id }));
  await page.locator('#name').fill('WatchPost');
  await page.getByRole('button', { name: 'Subscribe' }).click();
  await until('the snapshot', shown, (value) => value?.data?.postChanged?.cursor);
  await shot(page, 'fallback');
  await page.getByRole('button', { name: 'Stop' }).click();
  assert.deepEqual(offences, []);
}

await withBrowser(async (context) => {
  const { page, offences } = await openWatched(context, URL_OF_SERVER);
  page.setDefaultTimeout(WAIT_MS);
  for (const [name, step] of Object.entries(steps)) {
    await step(page).catch(async (error) => {
      await shot(page, 'failed');
      throw new Error(`${name}: ${error.message}; the page reported: ${offences.join('; ') || 'nothing'}`, { cause: error });
    });
    assert.deepEqual(offences, [], name);
    console.log(`ok  ${name}`);
  }
  for (const check of [resumes, fitsNarrowWindow, fallbackWorks]) {
    await check(context);
    console.log(`ok  ${check.name}`);
  }
});
