const HOP = '{ p50Ms p99Ms count }';
const STATUS = `id state firstPosition lastPosition decidedAt aggregateId streamedMs
  projections { name state position receivedMs visibleMs }`;

/** One sample a second. */
export const PIPELINE = `subscription Pipeline {
  pipeline {
    at beatAgeMs logPosition streamPosition relayBacklog eventsPerSecond subscribers deliveriesPerSecond
    toStream ${HOP}
    toSubscribers ${HOP}
    projections {
      name position cachePosition eventsPerSecond backlog lagMs openFanOuts parkedDocuments isStuck
      toProjector ${HOP}
      toCache ${HOP}
    }
    events { name projection position decidedAt toStreamMs toProjectorMs toCacheMs toSubscribersMs }
    troubles { part message }
  }
}`;

/** The last 15 minutes. */
export const LAGS = 'query PipelineLags { pipelineLags { at projection lagMs } }';

/** What "Try it" comments on. */
export const NEWEST_POST = 'query NewestPost { posts(first: 1) { nodes { id title } } }';

/** Only the receipt: the answer then does not wait for the read side. */
export const ADD_COMMENT = `mutation TryIt($postId: ID!, $text: String!) {
  addComment(input: { postId: $postId, text: $text }) {
    receipt { commandId aggregateId accepted }
    errors { code message }
  }
}`;

/** Takes the comment away again. */
export const DELETE_COMMENT = `mutation TakeBack($commentId: ID!) {
  deleteComment(input: { commentId: $commentId }) { errors { code message } }
}`;

/** Where the comment arrives for everybody who looks at the post. */
export const COMMENTS = `subscription Comments($postId: ID!, $after: String) {
  commentAdded(postId: $postId, after: $after) {
    __typename
    ... on LiveEvent { cursor commandId }
  }
}`;

/** A command's way, each time it comes further. */
export const PROGRESS = `subscription Progress($id: ID!) { commandProgress(id: $id) { ${STATUS} } }`;

/** A command's way so far. */
export const COMMAND = `query Command($id: ID!) { commandStatus(id: $id) { ${STATUS} } }`;

/** A thing as the read side knows it. */
export const NODE = `query Node($id: ID!) {
  node(id: $id) {
    __typename id version revision createdAt
    ... on User { fullName }
    ... on Post { title }
    ... on Comment { text }
    ... on Product { name }
    ... on Order { status }
  }
}`;
