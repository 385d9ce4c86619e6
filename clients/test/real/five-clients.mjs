// Five clients out of npm on a real millrace: query, mutation, subscription, a token that ends under an open socket, a restart of the server.
// Usage: node test/real/five-clients.mjs http://127.0.0.1:4000/graphql --restarts
// It writes the line "restart" when it wants the server started anew, and reads a line when that is done.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { CLIENTS } from './clients.mjs';
import { TEXTS } from './operations.mjs';
import { send, Session } from './session.mjs';

/** An access token is taken this long after its end, since clocks differ; and tests share the machine. */
const TOKEN_WAIT_MS = 90_000;
const EVENT_WAIT_MS = 60_000;
const LOOK_AGAIN_MS = 100;
const FOLLOW = 'mutation($userId: ID!) { followUser(input: { userId: $userId }) { receipt { accepted } } }';

const url = new URL('graphql', process.argv[2]).href;
const lines = createInterface({ input: process.stdin });

async function until(what, isTrue, waitMs = EVENT_WAIT_MS) {
  const end = Date.now() + waitMs;
  while (!(await isTrue())) {
    assert.ok(Date.now() < end, `never happened: ${what}`);
    await setTimeout(LOOK_AGAIN_MS);
  }
}

/** A client with a post of its own, whose comments it watches. It follows `writer`. */
class Watcher {
  texts = [];
  snapshots = 0;
  titles = [];

  static async begin(name, make, writer) {
    const session = await Session.begin(url, name.replace(/\W/g, ''));
    const watcher = Object.assign(new Watcher(), { name, session, client: make(url, session) });
    const { data } = await send(url, FOLLOW, { userId: writer.userId }, session.header);
    assert.equal(data.followUser.receipt.accepted, true);
    await watcher.readsAndWrites();
    return watcher;
  }

  async readsAndWrites() {
    const isKnown = async () => (await this.client.run('Viewer', {})).viewer.user?.firstName === this.name.replace(/\W/g, '');
    await until(`${this.name}: the account is there`, isKnown);
    const { createPost } = await this.client.run('CreatePost', { input: { title: this.name, body: 'Words.' } });
    assert.deepEqual(createPost.errors, []);
    this.postId = createPost.post.id;
    this.stop = this.client.watch('Watch', { postId: this.postId }, (event) => this.take(event));
    await until(`${this.name}: the snapshot`, () => this.snapshots === 1);
    await this.comments('own');
  }

  take(event) {
    if (event.__typename === 'CommentsSnapshot') this.snapshots++;
    else this.texts.push(event.__typename === 'CommentAdded' ? event.comment.text : event.__typename);
  }

  /** A second subscription, which is for this viewer alone. */
  async opensFeed() {
    let snapshots = 0;
    this.stopFeed = this.client.watch('Feed', {}, ({ __typename, post }) => (__typename === 'FeedPostAdded' ? this.titles.push(post.title) : snapshots++));
    await until(`${this.name}: the feed`, () => snapshots > 0);
  }

  async comments(text) {
    const { addComment } = await this.client.run('AddComment', { input: { postId: this.postId, text } });
    assert.deepEqual([addComment.receipt.accepted, addComment.errors], [true, []]);
    await this.hears(text);
  }

  hears(text) {
    return until(`${this.name} hears "${text}", not only ${JSON.stringify(this.texts)}`, () => this.texts.includes(text));
  }
}

async function told(step, work) {
  await work();
  console.log(`ok: ${step}`);
}

/** Those who follow the writer hear of it, if they listen to their feed. */
async function post(watchers, writer, title) {
  const { data } = await send(url, TEXTS.CreatePost, { input: { title, body: 'Words.' } }, await writer.authorization());
  assert.deepEqual(data.createPost.errors, []);
  await all(watchers, ({ name, titles }) => until(`${name} hears of "${title}", not only of ${JSON.stringify(titles)}`, () => titles.includes(title)));
}

/** Somebody else, without a library. */
async function commentOn(watchers, writer, text) {
  for (const { postId } of watchers) {
    const { data } = await send(url, TEXTS.AddComment, { input: { postId, text } }, await writer.authorization());
    assert.equal(data.addComment.receipt.accepted, true);
  }
}

async function restart() {
  console.log('restart');
  await once(lines, 'line');
}

const all = (watchers, work) => Promise.all(watchers.map(work));

const writer = await Session.begin(url, 'Writer');
const watchers = await all(Object.entries(CLIENTS), ([name, make]) => Watcher.begin(name, make, writer));
console.log(`ok: ${watchers.map(({ name }) => name).join(', ')}: query, mutation, subscription`);

await told('after the end of the token that the socket was opened with, another subscription on it begins', async () => {
  const query = '{ viewer { roles } }';
  const hasEnded = async ({ session }) => (await send(url, query, {}, session.letInBy)).status === 401;
  await all(watchers, (watcher) => until(`${watcher.name}: its token ends`, () => hasEnded(watcher), TOKEN_WAIT_MS));
  const before = watchers.map(({ session }) => session.sockets);
  await all(watchers, (watcher) => watcher.opensFeed());
  await post(watchers, writer, 'first');
  assert.deepEqual(watchers.map(({ session }) => session.sockets), before, 'they have used their open sockets');
});

await told('the token is replaced, and both subscriptions go on', async () => {
  await all(watchers, (watcher) => watcher.comments('renewed'));
  await post(watchers, writer, 'second');
  for (const { name, session } of watchers) assert.ok(session.refreshes > 0, `${name} has replaced its token`);
});

await told('after a restart each event comes once, in order', async () => {
  await commentOn(watchers, writer, 'before');
  await restart();
  await commentOn(watchers, writer, 'after');
  await all(watchers, (watcher) => watcher.hears('after'));
  await post(watchers, writer, 'third');
  await all(watchers, (watcher) => watcher.comments('last'));
});

for (const { name, texts, titles, snapshots } of watchers) {
  assert.deepEqual(titles, ['first', 'second', 'third'], name);
  assert.deepEqual(texts, ['own', 'renewed', 'before', 'after', 'last'], name);
  assert.equal(snapshots, 1, `${name} has gone on after its cursor, and not begun anew`);
}
console.log('ok: nobody missed anything, or heard it twice');
for (const { client, stop, stopFeed } of watchers) (stop(), stopFeed(), client.end());
process.exit(0);
