import { useApolloClient } from '@apollo/client/react';
import { useState, type FormEvent, type KeyboardEvent } from 'react';
import { useCommand } from '../api/commands.ts';
import { putFirst } from '../api/lists.ts';
import { useLive } from '../api/live.ts';
import { useSignedIn } from '../api/signed-in.ts';
import { AddCommentDocument, CommentAddedDocument, OlderCommentsDocument, type CommentTextFragment, type PostPageQuery } from '../gql/graphql.ts';
import { Link } from '../router.tsx';
import { More } from './more.tsx';
import { Nothing, Problem } from './notices.tsx';
import { Byline } from './person.tsx';
import { writtenWords } from '../words/erased.ts';

const COMMENT_MAX = 2_000;

type Post = NonNullable<PostPageQuery['post']>;

/** A post's comments, newest first. Others' appear as they are written. */
export function Comments({ post }: { post: Post }) {
  const isSignedIn = useSignedIn();
  const client = useApolloClient();
  const { cameLater, latest, trouble } = useNewComments(post);
  const { nodes, pageInfo } = post.comments;
  const fetchMore = (variables: { after: string | null }) =>
    client.query({ query: OlderCommentsDocument, variables: { id: post.id, ...variables }, fetchPolicy: 'network-only' });
  return (
    <section aria-labelledby="comments">
      <h2 id="comments">{post.commentCount === 1 ? '1 comment' : `${post.commentCount} comments`}</h2>
      {isSignedIn ? <Write post={post} /> : <p><Link to="/sign-in">Sign in</Link> to comment and to like.</p>}
      <Problem>{trouble}</Problem>
      {nodes.length === 0 && <Nothing>Nobody has said anything yet.</Nothing>}
      <p className="spoken" role="status">
        {latest && `${latest.author.fullName} says: ${latest.text}`}
      </p>
      <ul className="comments">
        {nodes.map((comment) => (
          <Comment key={comment.id} comment={comment} isNew={cameLater.has(comment.id)} />
        ))}
      </ul>
      <More pageInfo={pageInfo} what="comments" fetchMore={fetchMore} />
    </section>
  );
}

/** Puts comments that are written meanwhile into the list, and knows which these are. */
function useNewComments(post: Post) {
  const [cameLater, setCameLater] = useState<ReadonlySet<string>>(new Set());
  const [latest, setLatest] = useState<CommentTextFragment | null>(null);
  const trouble = useLive(CommentAddedDocument, {
    variables: { postId: post.id },
    onEvent(event, cache) {
      const place = { owner: post, field: 'comments' };
      // Whatever came between the page's query and the subscription is in its snapshot.
      if (event.__typename === 'CommentsSnapshot') putFirst(cache, place, ...newerThan(post, event.comments).toReversed());
      if (event.__typename !== 'CommentAdded' || !event.comment) return;
      const { comment } = event;
      putFirst(cache, place, comment);
      setCameLater((ids) => new Set(ids).add(comment.id));
      setLatest(comment);
    },
  });
  return { cameLater, latest, trouble };
}

/** Comments of a snapshot that are newer than all that is shown. Older ones come with their page. */
function newerThan(post: Post, comments: CommentTextFragment[]): CommentTextFragment[] {
  const newest = post.comments.nodes[0]?.createdAt ?? '';
  return comments.filter(({ createdAt }) => createdAt > newest);
}

function Comment({ comment, isNew }: { comment: CommentTextFragment; isNew: boolean }) {
  return (
    <li className={isNew ? 'comment new' : 'comment'}>
      <Byline author={comment.author} at={comment.createdAt} />
      <p className="comment-text">{writtenWords(comment.text)}</p>
    </li>
  );
}

function Write({ post }: { post: Post }) {
  const [text, setText] = useState('');
  const { run, isBusy, trouble } = useCommand(AddCommentDocument, {
    update: ({ comment }, cache) => comment && putFirst(cache, { owner: post, field: 'comments' }, comment),
  });
  const send = async () => {
    const payload = await run({ postId: post.id, text });
    if (payload) setText('');
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void send();
  };
  const sendByKey = (event: KeyboardEvent) => event.key === 'Enter' && (event.ctrlKey || event.metaKey) && text.trim() !== '' && void send();
  return (
    <form className="write" onSubmit={submit}>
      <label>
        Your comment
        <textarea rows={3} required maxLength={COMMENT_MAX} value={text} onChange={(event) => setText(event.target.value)} onKeyDown={sendByKey} />
      </label>
      <button type="submit" className="button primary" disabled={isBusy || text.trim() === ''}>
        {isBusy ? 'Sending…' : 'Comment'}
      </button>
      <Problem>{trouble?.words}</Problem>
    </form>
  );
}
