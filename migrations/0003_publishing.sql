-- Posts, their tags, comments and likes.

CREATE TABLE posts (
    id uuid PRIMARY KEY,
    version integer NOT NULL CHECK (version > 0),
    author_id uuid NOT NULL REFERENCES users,
    title text NOT NULL,
    body text NOT NULL,
    -- False for a draft, which nobody but its author sees.
    published boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE INDEX posts_of_author ON posts (author_id);

CREATE TABLE post_tags (
    post_id uuid NOT NULL REFERENCES posts,
    -- The author's order: 0, 1, 2…
    place smallint NOT NULL,
    tag text NOT NULL,
    PRIMARY KEY (post_id, place),
    UNIQUE (post_id, tag)
);

CREATE TABLE comments (
    id uuid PRIMARY KEY,
    version integer NOT NULL CHECK (version > 0),
    post_id uuid NOT NULL REFERENCES posts,
    author_id uuid NOT NULL REFERENCES users,
    text text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE INDEX comments_of_post ON comments (post_id);
CREATE INDEX comments_of_author ON comments (author_id);

-- A pair stays when it ends, so that its versions go on counting; it goes with its post.
CREATE TABLE likes (
    post_id uuid NOT NULL REFERENCES posts,
    user_id uuid NOT NULL REFERENCES users,
    version integer NOT NULL CHECK (version > 0),
    active boolean NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (post_id, user_id)
);

CREATE INDEX likes_of_user ON likes (user_id);
