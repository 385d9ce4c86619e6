// What a visitor does first: look, run what is there, sign in, write.
import assert from 'node:assert/strict';
import { answer, data, editorsStand, idsAreIn, openTab, run, signIn, textOf, tokenIsIn } from '../editors.mjs';
import { until } from '../steps.mjs';

const WORKERS = 3;

export const firstVisit = {
  async 'the editors and their workers start'(page, shot) {
    await editorsStand(page);
    await until('three workers', async () => page.workers().length, (count) => count === WORKERS);
    await shot('first');
  },

  async 'the first example shows data'(page, shot) {
    await openTab(page, 'NewestPosts');
    await run(page);
    const { posts } = await data(page, 'the newest posts', (value) => value.posts);
    assert.ok(posts.nodes.length > 0, 'the demo community has posts');
    assert.ok(posts.nodes[0].author.fullName.length > 0);
    await shot('newest-posts');
  },

  async 'the id of the newest post is filled in'(page, shot) {
    await openTab(page, 'PostWithComments');
    await idsAreIn(page);
    await run(page);
    const { post } = await data(page, 'the post', (value) => value.post);
    assert.ok(post.title.length > 0);
    await shot('post-with-comments');
  },

  async 'a mutation without sign-in is refused'(page) {
    await openTab(page, 'CreatePost');
    await run(page);
    const { errors } = await answer(page, 'the refusal', (value) => value.data || value.errors);
    assert.equal(errors?.[0]?.extensions?.code, 'UNAUTHENTICATED');
  },

  async 'the demo user signs in, and a mutation succeeds'(page, shot) {
    await signIn(page);
    await run(page);
    const { data: written } = await answer(page, 'the new post', (value) => value.data?.createPost);
    assert.deepEqual(written.createPost.errors, []);
    assert.equal(written.createPost.receipt.accepted, true);
    await shot('create-post');
  },

  async 'the token follows to another tab and into no storage'(page) {
    const authorization = await tokenIsIn(page);
    await openTab(page, 'NewestPosts');
    assert.equal(await tokenIsIn(page), authorization);
    await run(page);
    await data(page, 'the posts', (value) => value.posts);
    const read = () => page.evaluate(() => JSON.stringify({ ...localStorage }));
    const stored = await until('the history', read, (text) => text.includes('queries') && text.includes('CreatePost'));
    assert.ok(!stored.includes(authorization.slice('Bearer '.length)), 'the token is in localStorage');
    const foreign = await page.evaluate(() => Object.keys(localStorage).filter((key) => !key.startsWith('millrace:')));
    assert.deepEqual(foreign, []);
  },

  async 'a pasted operation gets its ids when it is sent'(page) {
    await page.getByRole('button', { name: 'New tab' }).click();
    await until('an empty tab', () => textOf(page, 'operation.graphql'), (text) => text === '');
    await page.locator('.graphiql-query-editor .monaco-editor').click();
    await page.keyboard.insertText('query Pasted { post(id: "{{newestPost}}") { title } }');
    await run(page);
    await data(page, 'the post', (value) => value.post?.title);
  },
};
