// The schema in the page: completion, validation, documentation.
import assert from 'node:assert/strict';
import { answer, markersOf, openExample, run, signIn, textOf, typeOperation } from '../editors.mjs';
import { until, WAIT_MS } from '../steps.mjs';

export const editing = {
  async 'an example that is open is not opened twice'(page) {
    const tabs = () => page.locator('[id^="graphiql-session-tab-"]').count();
    const before = await tabs();
    await openExample(page, 'watch-post', 'subscription WatchPost');
    assert.equal(await tabs(), before);
  },

  async 'a live example that needs sign-in tells so'(page) {
    await page.getByRole('button', { name: 'Sign out demo user' }).click();
    await openExample(page, 'watch-feed', 'subscription WatchFeed');
    await run(page);
    const { errors } = await answer(page, 'the refusal', (value) => value.errors);
    assert.equal(errors[0].extensions?.code, 'UNAUTHENTICATED', JSON.stringify(errors));
    await signIn(page);
  },

  async 'completion comes from the schema'(page, shot) {
    await page.getByRole('button', { name: 'New tab' }).click();
    await until('an empty tab', () => textOf(page, 'operation.graphql'), (text) => text === '');
    await typeOperation(page, 'query { po');
    await page.keyboard.press('Control+Space');
    const suggestions = page.locator('.suggest-widget.visible .monaco-list-row');
    await suggestions.first().waitFor();
    const names = await until('suggestions', () => suggestions.allInnerTexts(), (rows) => rows.some((row) => row.startsWith('posts')));
    assert.ok(names.some((row) => row.startsWith('post') && !row.startsWith('posts')), names.join(' | '));
    await shot('completion');
    await page.keyboard.press('Escape');
  },

  async 'an unknown field and broken variables are marked'(page, shot) {
    await typeOperation(page, 'query Unknown { noSuchFieldHere }');
    await page.locator('.graphiql-query-editor .squiggly-error').first().waitFor({ timeout: WAIT_MS });
    await until('the message', () => markersOf(page), (messages) => messages.some((message) => message.includes('noSuchFieldHere')));
    await page.locator('.graphiql-editor-tool .monaco-editor').first().click();
    await page.keyboard.insertText('{ "open": ');
    await page.locator('.graphiql-editor-tool .squiggly-error').first().waitFor({ timeout: WAIT_MS });
    await shot('unknown-field');
  },

  async 'prettify works'(page) {
    await typeOperation(page, 'query   Pretty{posts(first:1){nodes{id}}}');
    await page.getByRole('button', { name: /Prettify/ }).click();
    await until('the tidy text', () => textOf(page, 'operation.graphql'), (text) => text.includes('query Pretty {\n  posts(first: 1) {\n'));
  },

  async 'the documentation opens, and leads to a type with its descriptions'(page, shot) {
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    const docs = page.getByRole('region', { name: 'Documentation Explorer' });
    await docs.getByRole('link', { name: 'Subscription', exact: true }).click();
    await docs.getByRole('link', { name: 'postChanged', exact: true }).waitFor();
    await docs.getByText('A post: a snapshot first, then each of its changes').waitFor();
    await docs.getByRole('link', { name: 'PostEvent', exact: true }).click();
    await docs.getByRole('link', { name: 'PostSnapshot', exact: true }).waitFor();
    await shot('documentation');
    await page.getByRole('button', { name: 'Hide Documentation Explorer' }).click();
  },

  async 'signing out takes the token away'(page) {
    await page.getByRole('button', { name: 'Sign out demo user' }).click();
    await until('empty headers', () => textOf(page, 'request-headers.json'), (text) => text === '');
  },
};
