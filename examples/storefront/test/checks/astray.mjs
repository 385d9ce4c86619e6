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

/** The entry of the navigation that is the page's. */
const currentEntry = (page) => page.getByRole('navigation', { name: 'Pages' }).locator('[aria-current]');

export async function tellsThatThereIsNoSuchPage(context, url) {
  const { page, offences } = await openWatched(context, new URL('how-it-works', url).href);
  for (const path of NOWHERE) {
    await goWithin(page, '/how-it-works');
    await currentEntry(page).filter({ hasText: 'How it works' }).waitFor();
    await goWithin(page, path);
    await page.getByRole('heading', { level: 1, name: 'There is no such page' }).waitFor();
    assert.equal(await currentEntry(page).count(), 0, path);
  }
  for (const path of NOWHERE) {
    await page.goto(new URL(path, url).href);
    await page.getByRole('heading', { level: 1, name: 'There is no such page' }).waitFor();
    assert.equal(await currentEntry(page).count(), 0, path);
  }
  assert.deepEqual(offences, []);
  await page.close();
}
