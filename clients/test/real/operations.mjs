// What every client does, as text; and, for Relay, as its compiler would write it.
export const TEXTS = {
  Viewer: 'query Viewer { viewer { user { id firstName } } }',
  CreatePost: `mutation CreatePost($input: CreatePostInput!) { createPost(input: $input) { post { id } errors { code } } }`,
  AddComment: `mutation AddComment($input: AddCommentInput!) { addComment(input: $input) { receipt { accepted } errors { code } } }`,
  Watch: `subscription Watch($postId: ID!, $after: String) {
    event: commentAdded(postId: $postId, after: $after) {
      __typename
      ... on CommentsSnapshot { cursor }
      ... on CommentAdded { cursor comment { id text } }
      ... on PostDeleted { cursor }
      ... on HistoryGone { code }
    }
  }`,
  Feed: `subscription Feed($after: String) {
    event: feedChanged(after: $after) {
      __typename
      ... on FeedSnapshot { cursor }
      ... on FeedPostAdded { cursor post { id title } }
      ... on HistoryGone { code }
    }
  }`,
};

const scalar = (name) => ({ alias: null, args: null, kind: 'ScalarField', name, storageKey: null });
const linked = (name, concreteType, selections, args = null, plural = false) => ({ alias: null, args, concreteType, kind: 'LinkedField', name, plural, selections, storageKey: null });
const event = (name, selections, args) => ({ ...linked(name, null, [scalar('__typename'), ...selections, on('HistoryGone', [scalar('code')])], args), alias: 'event' });
const on = (type, selections) => ({ kind: 'InlineFragment', selections, type, abstractKey: null });
const argument = (name) => ({ kind: 'Variable', name, variableName: name });
const defined = (name) => ({ defaultValue: null, kind: 'LocalArgument', name });

function request(name, operationKind, type, variables, selections) {
  const argumentDefinitions = variables.map(defined);
  return {
    fragment: { argumentDefinitions, kind: 'Fragment', metadata: null, name, selections, type, abstractKey: null },
    kind: 'Request',
    operation: { argumentDefinitions, kind: 'Operation', name, selections },
    params: { cacheID: name, id: null, metadata: {}, name, operationKind, text: TEXTS[name] },
  };
}

const errors = linked('errors', null, [scalar('code')], null, true);
export const RELAY = {
  Viewer: request('Viewer', 'query', 'Query', [], [linked('viewer', 'Viewer', [linked('user', 'User', [scalar('id'), scalar('firstName')])])]),
  CreatePost: request('CreatePost', 'mutation', 'Mutation', ['input'], [
    linked('createPost', 'CreatePostPayload', [linked('post', 'Post', [scalar('id')]), errors], [argument('input')]),
  ]),
  AddComment: request('AddComment', 'mutation', 'Mutation', ['input'], [
    linked('addComment', 'AddCommentPayload', [linked('receipt', 'CommandReceipt', [scalar('accepted')]), errors], [argument('input')]),
  ]),
  Watch: request('Watch', 'subscription', 'Subscription', ['postId', 'after'], [
    event('commentAdded', [
      on('CommentsSnapshot', [scalar('cursor')]),
      on('CommentAdded', [scalar('cursor'), linked('comment', 'Comment', [scalar('id'), scalar('text')])]),
      on('PostDeleted', [scalar('cursor')]),
    ], [argument('after'), argument('postId')]),
  ]),
  Feed: request('Feed', 'subscription', 'Subscription', ['after'], [
    event('feedChanged', [
      on('FeedSnapshot', [scalar('cursor')]),
      on('FeedPostAdded', [scalar('cursor'), linked('post', 'Post', [scalar('id'), scalar('title')])]),
    ], [argument('after')]),
  ]),
};
