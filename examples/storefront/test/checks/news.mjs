// News: reading without an account, signing in, liking, comments and posts that come by themselves.
import assert from 'node:assert/strict';
import { until } from '../../../../web-playground/test/steps.mjs';

/** Where a tab keeps its sign-in. */
const STORED = 'millrace-storefront-sign-in';
const LIVE = 'A comment out of the kitchen.';
const MINE = 'A comment out of the storefront.';
const NEWS = 'The new weir stands';

const cards = (page) => page.locator('.post-card');
const pill = (page) => page.locator('.live-pill');
const textsOf = (locator) => locator.allTextContents();

/** Waits until changes come by themselves: what happens from then on must be seen. */
export const isLive = (page) => until('the live line', () => pill(page).getAttribute('data-connection'), (state) => state === 'live');

export const signedIn = (page) => page.getByRole('banner').getByText('Demo Visitor').waitFor();

export const entry = (page, name) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();

export const news = ({ staff, demo }) => ({
  'everybody reads the news'(page) {
    return until('the posts', () => cards(page).count(), (count) => count === 8);
  },

  async 'more posts come behind, each once'(page, shot) {
    await shot('news');
    await page.getByRole('button', { name: 'More posts' }).click();
    const ids = await until('the next page', () => cards(page).locator('h2 a').evaluateAll((links) => links.map(({ href }) => href)), ({ length }) => length > 8);
    assert.equal(new Set(ids).size, ids.length);
  },

  async 'a tag leads to what is about it'(page) {
    await page.getByRole('link', { name: '#bread' }).first().click();
    await page.getByRole('heading', { name: 'About bread' }).waitFor();
    const tags = await until('its posts', () => textsOf(page.locator('.post-card .tags')), ({ length }) => length > 0);
    assert.ok(tags.every((text) => text.includes('#bread')), JSON.stringify(tags));
  },

  async 'a wrong password is told in plain words'(page) {
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.getByLabel('E-mail').fill('demo@millrace.example');
    await page.getByLabel('Password').fill('a wrong password');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByText('E-mail address and password do not belong together.').waitFor();
  },

  async 'the demo user signs in by a button'(page, shot) {
    await shot('sign-in');
    await page.getByRole('button', { name: 'Sign in as demo user' }).click();
    await signedIn(page);
  },

  async 'a post that somebody whom one follows writes comes by itself'(page, shot) {
    await demo.command('followUser', { userId: staff.id });
    await page.getByRole('link', { name: 'People you follow' }).click();
    await isLive(page);
    await cards(page).first().waitFor();
    const before = await cards(page).count();
    await staff.command('createPost', { title: NEWS, body: 'It held through the first night.', tags: ['water'] });
    await cards(page).getByRole('link', { name: NEWS }).waitFor();
    assert.equal(await cards(page).count(), before + 1);
    await shot('following');
  },

  async 'a like shows at once and is there after a reload'(page) {
    await page.getByRole('link', { name: NEWS }).click();
    await page.getByRole('button', { name: '0 likes', pressed: false }).click();
    await page.getByRole('button', { name: '1 like', pressed: true }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: '1 like', pressed: true }).waitFor();
  },

  async "others' comments come by themselves"(page) {
    await isLive(page);
    const postId = new URL(page.url()).pathname.split('/').at(-1);
    await staff.command('addComment', { postId, text: LIVE });
    await page.locator('.comment.new').getByText(LIVE).waitFor();
    await page.getByRole('heading', { name: '1 comment' }).waitFor();
  },

  async 'a comment of mine is there once'(page, shot) {
    await page.getByLabel('Your comment').fill(MINE);
    await page.getByRole('button', { name: 'Comment' }).click();
    await page.locator('.comment').getByText(MINE).waitFor();
    await page.getByRole('heading', { name: '2 comments' }).waitFor();
    assert.deepEqual(await textsOf(page.locator('.comment-text')), [MINE, LIVE]);
    assert.equal(await page.getByLabel('Your comment').inputValue(), '');
    await shot('post');
  },

  async 'tokens that are over are replaced'(page) {
    const read = () => page.evaluate((key) => JSON.parse(sessionStorage.getItem(key)), STORED);
    const old = await read();
    const over = { ...old, tokens: { ...old.tokens, expiresAt: new Date(0) } };
    await page.evaluate(([key, signIn]) => sessionStorage.setItem(key, JSON.stringify(signIn)), [STORED, over]);
    await page.reload();
    await signedIn(page);
    await until('another token', async () => (await read())?.tokens.accessToken, (token) => token && token !== old.tokens.accessToken);
  },

  async 'a post that is deleted is gone from the page'(page) {
    await isLive(page);
    await page.getByRole('heading', { name: NEWS }).waitFor();
    const postId = new URL(page.url()).pathname.split('/').at(-1);
    await staff.command('deletePost', { postId });
    await page.getByText('This post is not there, or not any more.').waitFor();
  },
});
