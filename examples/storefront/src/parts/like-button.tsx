import { useCommand } from '../api/commands.ts';
import { useSignedIn } from '../api/signed-in.ts';
import { LikePostDocument, UnlikePostDocument, type LikePostMutation, type PostCardFragment, type UnlikePostMutation } from '../gql/graphql.ts';
import { Problem } from './notices.tsx';

/** Likes a post, or not any more. It shows at once; the answer and the live event put it right if need be. */
export function LikeButton({ post }: { post: PostCardFragment }) {
  const isSignedIn = useSignedIn();
  const like = useCommand(LikePostDocument, { optimistic: liked(post) });
  const unlike = useCommand(UnlikePostDocument, { optimistic: unliked(post) });
  const { run } = post.viewerHasLiked ? unlike : like;
  const words = post.likeCount === 1 ? '1 like' : `${post.likeCount} likes`;
  if (!isSignedIn) return <span className="likes">♥ {words}</span>;
  return (
    <>
      <button type="button" className="likes button small quiet" aria-pressed={post.viewerHasLiked} onClick={() => void run({ postId: post.id })}>
        <span aria-hidden="true">{post.viewerHasLiked ? '♥' : '♡'}</span> {words}
      </button>
      <Problem>{(like.trouble ?? unlike.trouble)?.words}</Problem>
    </>
  );
}

function liked(post: PostCardFragment): LikePostMutation {
  const after = { ...post, viewerHasLiked: true, likeCount: post.likeCount + 1 };
  return { likePost: { __typename: 'LikePostPayload', post: after, errors: [] } };
}

function unliked(post: PostCardFragment): UnlikePostMutation {
  const after = { ...post, viewerHasLiked: false, likeCount: post.likeCount - 1 };
  return { unlikePost: { __typename: 'UnlikePostPayload', post: after, errors: [] } };
}
