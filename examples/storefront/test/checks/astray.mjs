// Paths that lead nowhere: followed within the page, and opened directly.
import assert from 'node:assert/strict';
import { openWatched } from '../../../../web-playground/test/browser.mjs';

const NOWHERE = ['/nothing', '/constructor', '/posts/%', '/tags/%E0%A4%A'];

/** As the browser's own buttons do. */
const goWithin = (page, path) =>
  page.evaluate((to) => {
    history.pushState(null, '', to);
    dispatchEvent(new PopStateEvent('popstate'));
  }, path);

export async function tellsThatThereIsNoSuchPage(context, url) {
  const { page, offences } = await openWatched(context, new URL('how-it-works', url).href);
  for (const path of NOWHERE) {
    await goWithin(page, '/how-it-works');
    await page.getByRole('heading', { level: 1, name: 'There is no such page' }).waitFor({ state: 'detached' });
    await goWithin(page, path);
    await page.getByRole('heading', { level: 1, name: 'There is no such page' }).waitFor();
  }
  for (const path of NOWHERE) {
    await page.goto(new URL(path, url).href);
    await page.getByRole('heading', { level: 1, name: 'There is no such page' }).waitFor();
  }
  assert.deepEqual(offences, []);
  await page.close();
}
