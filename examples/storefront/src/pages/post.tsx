import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { useLive } from '../api/live.ts';
import { PostChangedDocument, PostPageDocument } from '../gql/graphql.ts';
import { Comments } from '../parts/comments.tsx';
import { LikeButton } from '../parts/like-button.tsx';
import { Failure, Nothing, Problem, Waiting } from '../parts/notices.tsx';
import { Byline } from '../parts/person.tsx';
import { Page } from '../router.tsx';
import { Tags } from './feed.tsx';
import { writtenWords } from '../words/erased.ts';

/** A post with its comments. Text, likes and comments move while it is open. */
export function PostPage({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(PostPageDocument, { variables: { id } });
  const [isGone, setIsGone] = useState(false);
  const trouble = useLive(PostChangedDocument, {
    variables: { id },
    // One that staff hid may come back.
    onEvent: (event) => setIsGone(event.__typename === 'PostDeleted'),
  });
  if (error) return <Page title="A post"><Failure error={error} again={refetch} /></Page>;
  if (!data) return <Page title="A post"><Waiting what="the post" /></Page>;
  if (isGone || !data.post) return <Page title="A post"><Nothing>This post is not there, or not any more.</Nothing></Page>;
  const { post } = data;
  return (
    <Page title={writtenWords(post.title)} kicker={<Byline author={post.author} at={post.createdAt} />}>
      <div className="prose">{post.body}</div>
      <Tags tags={post.tags} />
      <div className="row">
        <LikeButton post={post} />
      </div>
      <Problem>{trouble}</Problem>
      <Comments post={post} />
    </Page>
  );
}
