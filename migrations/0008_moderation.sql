-- Posts and comments that staff hide. Why is told by the event, sealed, and by the documents; nothing is decided by it.

-- Set while it is hidden: then it is its author's and staff's alone, published or not.
ALTER TABLE posts ADD COLUMN hidden_at timestamptz;

-- Set while it is hidden: then it stands among the post's comments no longer, and is its author's and staff's alone.
ALTER TABLE comments ADD COLUMN hidden_at timestamptz;
