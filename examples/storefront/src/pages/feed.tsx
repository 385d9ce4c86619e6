import { useQuery } from '@apollo/client/react';
import { putFirst, takeOut } from '../api/lists.ts';
import { useLive } from '../api/live.ts';
import { useSignedIn } from '../api/signed-in.ts';
import { FeedChangedDocument, MyFeedDocument, NewestPostsDocument, type PostCardFragment } from '../gql/graphql.ts';
import { LikeButton } from '../parts/like-button.tsx';
import { More } from '../parts/more.tsx';
import { Failure, Nothing, Problem, Waiting } from '../parts/notices.tsx';
import { Byline } from '../parts/person.tsx';
import { SignIn } from '../parts/sign-in.tsx';
import { Link, Page } from '../router.tsx';
import { writtenWords } from '../words/erased.ts';

const TITLES = { everybody: 'News from the mill', following: 'From people you follow' };

export function FeedPage({ list, tag }: { list: keyof typeof TITLES; tag?: string }) {
  const isSignedIn = useSignedIn();
  const Posts = list === 'everybody' ? NewestPosts : isSignedIn ? FollowedPosts : SignIn;
  return (
    <Page title={tag === undefined ? TITLES[list] : `About ${tag}`}>
      <nav className="tabs" aria-label="Whose posts">
        <Link to="/" aria-current={list === 'everybody' && tag === undefined ? 'page' : undefined}>
          Everybody
        </Link>
        <Link to="/following" aria-current={list === 'following' ? 'page' : undefined}>
          People you follow
        </Link>
        {tag !== undefined && (
          <Link to={`/tags/${encodeURIComponent(tag)}`} aria-current="page">
            #{tag}
          </Link>
        )}
      </nav>
      <Posts tag={tag} />
    </Page>
  );
}

function NewestPosts({ tag }: { tag?: string | undefined }) {
  const { data, error, refetch, fetchMore } = useQuery(NewestPostsDocument, { variables: { tag: tag ?? null } });
  if (error) return <Failure error={error} again={refetch} />;
  if (!data) return <Waiting what="posts" />;
  return <PostList page={data.posts} fetchMore={(variables) => fetchMore({ variables })} />;
}

/** The list that moves by itself: what the people whom the viewer follows write, comes and goes. */
function FollowedPosts() {
  const { data, error, refetch, fetchMore } = useQuery(MyFeedDocument);
  const trouble = useLive(FeedChangedDocument, {
    variables: {},
    onEvent(event, cache) {
      if (event.__typename === 'FeedPostAdded' && event.post) putFirst(cache, { field: 'feed' }, event.post);
      if (event.__typename === 'FeedPostGone') takeOut(cache, { field: 'feed' }, { __typename: 'Post', id: event.postId });
    },
  });
  if (error) return <Failure error={error} again={refetch} />;
  if (!data) return <Waiting what="posts" />;
  return (
    <>
      <Problem>{trouble}</Problem>
      <PostList page={data.feed} fetchMore={(variables) => fetchMore({ variables })} />
    </>
  );
}

interface PostListProps {
  page: { nodes: PostCardFragment[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
  fetchMore: (variables: { after: string | null }) => Promise<unknown>;
}

function PostList({ page, fetchMore }: PostListProps) {
  if (page.nodes.length === 0) return <Nothing>Nobody has written anything here yet.</Nothing>;
  return (
    <>
      <ul className="posts">
        {page.nodes.map((post) => (
          <li key={post.id}>
            <PostCard post={post} />
          </li>
        ))}
      </ul>
      <More pageInfo={page.pageInfo} what="posts" fetchMore={fetchMore} />
    </>
  );
}

function PostCard({ post }: { post: PostCardFragment }) {
  return (
    <article className="card post-card">
      <Byline author={post.author} at={post.createdAt} />
      <h2>
        <Link to={`/posts/${post.id}`}>{writtenWords(post.title)}</Link>
      </h2>
      <p className="clipped">{post.body}</p>
      <Tags tags={post.tags} />
      <div className="row">
        <LikeButton post={post} />
        <Link to={`/posts/${post.id}`} className="comments-link">
          {post.commentCount === 1 ? '1 comment' : `${post.commentCount} comments`}
        </Link>
      </div>
    </article>
  );
}

export function Tags({ tags }: { tags: readonly string[] }) {
  if (tags.length === 0) return null;
  return (
    <p className="tags">
      {tags.map((tag) => (
        <Link key={tag} to={`/tags/${encodeURIComponent(tag)}`}>
          #{tag}
        </Link>
      ))}
    </p>
  );
}
