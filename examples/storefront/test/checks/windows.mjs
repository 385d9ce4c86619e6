// Other ways to use it: a telephone's width, a keyboard, a reader that speaks.
import assert from 'node:assert/strict';
import { openWatched } from '../../../../web-playground/test/browser.mjs';

const NARROW = { width: 360, height: 780 };
const PAGES = { news: '', shop: 'shop', basket: 'basket', orders: 'orders', wallet: 'wallet', workings: 'how-it-works' };

/** Each page on a telephone: nothing sticks out, and everything has a name for who cannot see it. */
export async function fitsNarrowWindow(context, url, shot) {
  const { page, offences } = await openWatched(context, new URL('sign-in', url).href, (fresh) => fresh.setViewportSize(NARROW));
  await page.getByRole('button', { name: 'Sign in as demo user' }).click();
  await page.locator('.post-card').first().waitFor();
  for (const [name, path] of Object.entries(PAGES)) {
    await page.goto(new URL(path, url).href);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.locator('.waiting').waitFor({ state: 'detached' });
    await shot(`narrow-${name}`)(page);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), NARROW.width, `${name} is too wide`);
    assert.deepEqual(await page.evaluate(namelessThings), [], name);
  }
  assert.deepEqual(offences, []);
  await page.close();
}

/** Things on the page that have no name, or too few or many of what there is one of. */
function namelessThings() {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const nameOf = (element) => element.getAttribute('aria-label') ?? element.textContent.trim();
  return [
    ...all('a, button').filter((element) => nameOf(element) === ''),
    ...all('input, select, textarea').filter((element) => element.labels.length === 0),
    ...all('img:not([alt])'),
    ...all('section').filter((element) => !element.ariaLabel && !element.getAttribute('aria-labelledby')),
  ]
    .map((element) => element.outerHTML)
    .concat(all('h1').length === 1 && all('main').length === 1 ? [] : ['not one heading and one main part']);
}

/** Without a mouse: past the navigation, to a post and back. */
export async function worksByKeyboard(context, url) {
  const { page, offences } = await openWatched(context, url);
  await page.locator('.post-card').first().waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'Skip to the content');
  await page.locator('.post-card h2 a').first().focus();
  await page.keyboard.press('Enter');
  await page.locator('#comments').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'H1', 'the new page has the focus');
  await page.goBack();
  await page.locator('.post-card').first().waitFor();
  assert.deepEqual(offences, []);
  await page.close();
}
