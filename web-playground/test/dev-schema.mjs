// The stand-in's schema and its lists in memory, see dev-server.mjs.
import { EventEmitter, on } from 'node:events';
import { buildSchema, GraphQLError } from 'graphql';

const PAYLOAD = 'receipt: CommandReceipt! errors: [CommandError!]!';

export const schema = buildSchema(`
  scalar Timestamp
  scalar BigInt
  "A stand-in for development."
  type Query {
    viewer: Viewer
    user(id: ID!): User
    post(id: ID!): Post
    "The newest posts."
    posts(first: Int = 20): PostConnection!
    feed(first: Int = 20): PostConnection!
  }
  type Viewer { user: User! roles: [String!]! }
  type User { id: ID! fullName: String! profileUrl: String! email: String postCount: Int followerCount: Int followingCount: Int posts(first: Int = 20): PostConnection! }
  type Post {
    id: ID! title: String! body: String! tags: [String!]! createdAt: Timestamp! author: User! commentCount: Int! likeCount: Int! viewerHasLiked: Boolean
    comments(first: Int = 20): CommentConnection!
  }
  type Comment { id: ID! text: String! createdAt: Timestamp! author: User! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type PostConnection { nodes: [Post!]! pageInfo: PageInfo! }
  type CommentConnection { nodes: [Comment!]! pageInfo: PageInfo! }
  type CommandReceipt { commandId: ID! accepted: Boolean! version: Int consistencyToken: String }
  interface CommandError { code: String! message: String! path: [String!]! retryable: Boolean! }
  type InvalidCredentials implements CommandError { code: String! message: String! path: [String!]! retryable: Boolean! }
  type Session { accessToken: String! refreshToken: String! expiresAt: Timestamp! }
  input SignInInput { email: String! password: String! }
  input CreatePostInput { title: String! body: String! tags: [String!] publish: Boolean = true idempotencyKey: String }
  input AddCommentInput { postId: ID! text: String! idempotencyKey: String }
  input LikePostInput { postId: ID! idempotencyKey: String }
  type SignInPayload { session: Session user: User ${PAYLOAD} }
  type CreatePostPayload { post: Post ${PAYLOAD} }
  type AddCommentPayload { comment: Comment post: Post ${PAYLOAD} }
  type LikePostPayload { post: Post ${PAYLOAD} }
  type Mutation {
    signIn(input: SignInInput!): SignInPayload!
    createPost(input: CreatePostInput!): CreatePostPayload!
    addComment(input: AddCommentInput!): AddCommentPayload!
    likePost(input: LikePostInput!): LikePostPayload!
  }
  interface LiveEvent { cursor: String! position: BigInt! at: Timestamp! commandId: ID }
  type PostSnapshot implements LiveEvent { cursor: String! position: BigInt! at: Timestamp! commandId: ID post: Post! }
  type PostChanged implements LiveEvent { cursor: String! position: BigInt! at: Timestamp! commandId: ID post: Post! }
  type PostDeleted implements LiveEvent { cursor: String! position: BigInt! at: Timestamp! commandId: ID postId: ID! }
  type CommentAdded implements LiveEvent { cursor: String! position: BigInt! at: Timestamp! commandId: ID comment: Comment! }
  type CommentsSnapshot implements LiveEvent { cursor: String! position: BigInt! at: Timestamp! commandId: ID }
  type FeedSnapshot implements LiveEvent { cursor: String! position: BigInt! at: Timestamp! commandId: ID }
  type FeedPostAdded implements LiveEvent { cursor: String! position: BigInt! at: Timestamp! commandId: ID post: Post! }
  type HistoryGone { code: String! }
  union PostEvent = PostSnapshot | PostChanged | PostDeleted | HistoryGone
  union CommentAddedEvent = CommentsSnapshot | CommentAdded | HistoryGone
  union FeedEvent = FeedSnapshot | FeedPostAdded | HistoryGone
  type Subscription {
    postChanged(id: ID!, after: String): PostEvent!
    commentAdded(postId: ID!, after: String): CommentAddedEvent!
    feedChanged(after: String): FeedEvent!
  }
`);

const TOKEN_LIFE_MS = 300_000;
const DEMO = { email: 'demo@millrace.example', password: 'millrace-demo' };

const page = (list, first) => ({ nodes: list.slice(0, first), pageInfo: { hasNextPage: list.length > first, endCursor: null } });
const now = () => new Date().toISOString();

/** People, posts and a log of changes, with the resolvers over them. */
export function createCommunity() {
  const bell = new EventEmitter().setMaxListeners(0);
  const tokens = new Map();
  const posts = [];
  const log = [];
  let lastId = 0;
  const nextId = (type) => `${type}-${++lastId}`;

  const person = (fullName, email) => {
    const user = { id: nextId('user'), fullName, email, profileUrl: `/users/${lastId}`, followerCount: 0, followingCount: 0 };
    user.posts = ({ first }) => page(posts.filter((post) => post.author === user), first);
    user.postCount = () => posts.filter((post) => post.author === user).length;
    return user;
  };
  const demo = person('Dora Demo', DEMO.email);
  const writer = person('Walter Writer', 'walter@millrace.example');

  function record(change) {
    log.push({ ...change, cursor: String(log.length + 1), position: String(log.length + 1), at: now(), commandId: nextId('command') });
    bell.emit('change');
  }
  function addPost(author, { title, body, tags }) {
    const comments = [];
    const post = { id: nextId('post'), title, body, tags: tags ?? [], createdAt: now(), author, likeCount: 0, viewerHasLiked: false, list: comments };
    post.commentCount = () => comments.length;
    post.comments = ({ first }) => page([...comments].reverse(), first);
    posts.unshift(post);
    record({ post });
    return post;
  }
  const postOf = (id) => posts.find((post) => post.id === id) ?? fail('BAD_USER_INPUT', `"${id}" is not the id of a post`);
  const done = (payload) => ({ ...payload, errors: [], receipt: { commandId: nextId('command'), accepted: true, version: 1, consistencyToken: String(log.length) } });

  async function* changesAfter(cursor, wanted) {
    const rings = on(bell, 'change');
    for (let index = Number(cursor); ; index++) {
      while (index >= log.length) await rings.next();
      if (wanted(log[index])) yield log[index];
    }
  }

  const root = {
    viewer: (_arguments, { viewer }) => viewer && { user: viewer, roles: [] },
    user: ({ id }) => [demo, writer].find((user) => user.id === id),
    post: ({ id }) => postOf(id),
    posts: ({ first }) => page(posts, first),
    feed: ({ first }, context) => page(posts.filter((post) => post.author !== signedIn(context)), first),

    signIn({ input }) {
      if (input.email !== DEMO.email || input.password !== DEMO.password)
        return { ...done({}), errors: [{ __typename: 'InvalidCredentials', code: 'INVALID_CREDENTIALS', message: 'Wrong email or password', path: [], retryable: false }] };
      const accessToken = nextId('token') + '-' + Math.random().toString(36).slice(2);
      tokens.set(`Bearer ${accessToken}`, demo);
      return done({ user: demo, session: { accessToken, refreshToken: 'none', expiresAt: new Date(Date.now() + TOKEN_LIFE_MS).toISOString() } });
    },
    createPost: ({ input }, context) => done({ post: addPost(signedIn(context), input) }),
    addComment({ input }, context) {
      const author = signedIn(context);
      const post = postOf(input.postId);
      const comment = { id: nextId('comment'), text: input.text, createdAt: now(), author };
      post.list.push(comment);
      record({ post, comment });
      return done({ comment, post });
    },
    likePost({ input }, context) {
      signedIn(context);
      const post = postOf(input.postId);
      Object.assign(post, { likeCount: post.likeCount + 1, viewerHasLiked: true });
      record({ post });
      return done({ post });
    },

    async *postChanged({ id, after }) {
      const post = postOf(id);
      const event = (change, __typename) => ({ postChanged: { ...change, __typename, post } });
      const start = after ?? String(log.length);
      if (after == null) yield event({ cursor: start, position: start, at: now() }, 'PostSnapshot');
      for await (const change of changesAfter(start, (each) => each.post === post)) yield event(change, 'PostChanged');
    },
    async *commentAdded({ postId, after }) {
      const post = postOf(postId);
      const wanted = (change) => change.comment && change.post === post;
      const start = after ?? String(log.length);
      if (after == null) yield { commentAdded: { __typename: 'CommentsSnapshot', cursor: start, position: start, at: now() } };
      for await (const change of changesAfter(start, wanted)) yield { commentAdded: { ...change, __typename: 'CommentAdded' } };
    },
    async *feedChanged(_arguments, context) {
      signedIn(context);
      yield { feedChanged: { __typename: 'FeedSnapshot', cursor: String(log.length), position: String(log.length), at: now() } };
    },
  };

  addPost(writer, { title: 'The mill and the race', body: 'Water runs one way.', tags: ['rivers'] });
  const second = addPost(writer, { title: 'Wheels within wheels', body: 'Every fold turns the next.', tags: ['mills'] });
  second.list.push({ id: nextId('comment'), text: 'Well turned.', createdAt: now(), author: demo });
  return { root, viewerOf: (authorization) => tokens.get(authorization) ?? null };
}

function signedIn({ viewer }) {
  return viewer ?? fail('UNAUTHENTICATED', 'Sign in first');
}

function fail(code, message) {
  throw new GraphQLError(message, { extensions: { code, retryable: false } });
}
