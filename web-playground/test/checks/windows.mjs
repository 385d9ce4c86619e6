// Other windows: a telephone's, and the plain page of a server whose GraphiQL was not built.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { openWatched } from '../browser.mjs';
import { data, editorsStand, openTab, run } from '../editors.mjs';
import { until } from '../steps.mjs';

const NARROW = { width: 360, height: 780 };
/** What the server sends with fallback.html. */
const FALLBACK_POLICY =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** A first visit with a narrow window: everything is there, below each other, and nothing sticks out. */
export async function fitsNarrowWindow(context, url, shot) {
  const { page, offences } = await openWatched(context, url, async (fresh) => {
    await fresh.setViewportSize(NARROW);
    await fresh.addInitScript(() => localStorage.clear());
  });
  await editorsStand(page);
  await shot('narrow')(page);
  await openTab(page, 'NewestPosts');
  await run(page);
  await data(page, 'the newest posts', (value) => value.posts);
  for (const name of ['.graphiql-execute-button', '.millrace-demo-button', '.millrace-transport', '.millrace-link', '.graphiql-response']) {
    const box = await page.locator(name).boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= NARROW.width, `${name}: ${JSON.stringify(box)}`);
  }
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), NARROW.width);
  await page.locator('.graphiql-response').scrollIntoViewIfNeeded();
  await shot('narrow-answer')(page);
  await settingsFit(page, shot);
  assert.deepEqual(offences, []);
}

/** Nothing of the dialog sticks out of it, and nothing of the editors lies over it. */
async function settingsFit(page, shot) {
  await page.getByRole('button', { name: 'Open settings dialog' }).press('Enter');
  await page.locator('.graphiql-dialog').waitFor();
  await shot('narrow-settings')(page);
  // As Monaco shows them while the pointer is there, and a while longer.
  await page.locator('.graphiql-query-editor .scrollbar.vertical').evaluate((bar) => bar.classList.replace('invisible', 'visible'));
  // What is under a dialog takes no clicks, and so would not be found.
  await page.addStyleTag({ content: 'body * { pointer-events: auto !important; }' });
  const [out, over] = await page.evaluate(() => {
    const dialog = document.querySelector('.graphiql-dialog');
    const box = dialog.getBoundingClientRect();
    const out = [...dialog.querySelectorAll('button')].filter((button) => button.getBoundingClientRect().right > box.right).map((button) => button.textContent);
    const points = Array.from({ length: 400 }, (_, index) => [box.left + 16 + ((box.width - 32) * (index % 20)) / 19, box.top + 16 + ((box.height - 32) * Math.floor(index / 20)) / 19]);
    const over = points.map(([x, y]) => document.elementFromPoint(x, y)).filter((element) => !dialog.contains(element)).map((element) => element.className);
    return [out, over];
  });
  assert.deepEqual([out, over], [[], []]);
  await page.keyboard.press('Escape');
}

/** The page for a server without dist/, against the same API. */
export async function fallbackWorks(context, url, shot) {
  // Chromium doesn't know from which network a page of the test's own comes, and would not let it talk to this machine.
  await context.grantPermissions(['local-network-access'], { origin: new URL(url).origin });
  const body = await readFile(new URL('../../fallback.html', import.meta.url));
  const headers = { 'content-security-policy': FALLBACK_POLICY };
  const { page, offences } = await openWatched(context, new URL('fallback.html', url).href, async (fresh) => {
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
  await shot('fallback')(page);
  await page.getByRole('button', { name: 'Stop' }).click();
  assert.deepEqual(offences, []);
}
