//! What an export tells: the one list. A test asks of every table that hangs on a person whether it stands here, and of each of its columns.
//!
//! Each statement answers one JSON text a row; `$1` is the person. Columns are named one by one, so that nothing comes in unseen. What others
//! wrote is theirs, and not told: comments on one's posts, words that came with a transfer.

/// One part of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its name in the document.
    pub name: &'static str,
    /// True if it is one object, not a list.
    pub is_one: bool,
    /// True if its rows hold words that lie sealed in events.
    pub is_sealed: bool,
    /// The tables that it tells.
    pub tables: &'static [&'static str],
    /// What asks for it.
    pub statement: &'static str,
}

const fn list(name: &'static str, tables: &'static [&'static str], statement: &'static str) -> Part {
    Part { name, is_one: false, is_sealed: false, tables, statement }
}

/// The parts in the document's order.
pub const PARTS: &[Part] = &[
    Part { is_one: true, ..list("account", &["users", "user_roles"], ACCOUNT) },
    list("mails", &["mails"], MAILS),
    list("mailTokens", &["mail_tokens"], MAIL_TOKENS),
    list("sessions", &["sessions"], SESSIONS),
    list("identities", &["identities"], IDENTITIES),
    list("unlinkedProviders", &["unlinked_providers"], UNLINKED_PROVIDERS),
    list("posts", &["posts", "post_tags"], POSTS),
    list("comments", &["comments"], COMMENTS),
    list("likes", &["likes"], LIKES),
    list("follows", &["follows"], FOLLOWS),
    Part { is_sealed: true, ..list("orders", &["orders", "order_lines"], ORDERS) },
    list("wallets", &["wallets"], WALLETS),
    list("topUps", &["top_ups"], TOP_UPS),
    Part { is_sealed: true, ..list("reasons", &[], REASONS) },
    Part { is_sealed: true, ..list("movements", &["ledger_transactions", "ledger_entries"], MOVEMENTS) },
];

/// Words of a person that events carry: the event, its field, the part that tells them, and as what. A test asks it of the catalogue.
pub const WORDS: &[(&str, &str, &str, &str)] = &[
    ("user.created", "email", "account", "email"),
    ("user.created", "firstName", "account", "firstName"),
    ("user.created", "lastName", "account", "lastName"),
    ("user.profileUpdated", "firstName", "account", "firstName"),
    ("user.profileUpdated", "lastName", "account", "lastName"),
    ("user.profileUpdated", "avatarUrl", "account", "avatarUrl"),
    ("user.profileUpdated", "bio", "account", "bio"),
    ("user.emailChangeRequested", "newEmail", "account", "pendingEmail"),
    ("user.emailVerified", "email", "account", "email"),
    ("user.identityLinked", "issuer", "identities", "issuer"),
    ("user.identityLinked", "subject", "identities", "subject"),
    ("post.created", "title", "posts", "title"),
    ("post.created", "body", "posts", "body"),
    ("post.created", "tags", "posts", "tags"),
    ("post.edited", "title", "posts", "title"),
    ("post.edited", "body", "posts", "body"),
    ("post.edited", "tags", "posts", "tags"),
    ("post.hidden", "reason", "reasons", "reason"),
    ("comment.added", "text", "comments", "text"),
    ("comment.edited", "text", "comments", "text"),
    ("comment.hidden", "reason", "reasons", "reason"),
    ("order.placed", "customerName", "orders", "customerName"),
    ("order.placed", "customerEmail", "orders", "customerEmail"),
    ("order.placed", "deliveryAddress", "orders", "deliveryAddress"),
    ("order.cancelled", "reason", "reasons", "reason"),
    ("wallet.moved", "note", "movements", "note"),
];

/// Tables that hang on a person and are not told, and why not.
pub const TABLES_LEFT_OUT: &[(&str, &str)] = &[
    ("refresh_tokens", "hashes of what lets somebody in"),
    ("person_key", "the key that seals the person's words, which are told"),
    ("idempotency_keys", "answers that were given already, for a day, under keys that nobody can read"),
    ("erasures", "receipts of persons who are no more"),
    ("erasure_parts", "receipts of persons who are no more"),
    ("provider_events", "the payment provider's numbers of what top-ups tell, which tell the last one"),
    ("stock_movements", "the shop's own book: orders tell what was set aside for them"),
];

/// Columns of tables that are told, which are not, and why not.
pub const COLUMNS_LEFT_OUT: &[(&str, &str, &str)] = &[
    ("users", "password_hash", "a hash of what lets somebody in"),
    ("users", "email_canonical", "the same address once more, as addresses are compared"),
    ("users", "deactivated_at", "null for everybody who can ask"),
    ("mail_tokens", "hash", "a hash of what lets somebody in"),
    ("users", "erased_at", "null for everybody who can ask"),
];

const ACCOUNT: &str = "
    SELECT json_build_object(
        'id', global_id('User', u.id), 'version', u.version, 'email', u.email,
        'emailVerifiedAt', u.email_verified_at, 'pendingEmail', u.pending_email,
        'passwordSetAt', u.password_set_at, 'outsideVoidUntil', u.outside_void_until,
        'firstName', u.first_name, 'lastName', u.last_name, 'avatarUrl', u.avatar_url, 'bio', u.bio,
        'roles', (SELECT coalesce(json_agg(json_build_object('role', upper(r.role), 'grantedAt', r.granted_at)
            ORDER BY r.role), '[]') FROM user_roles r WHERE r.user_id = u.id),
        'createdAt', u.created_at, 'updatedAt', u.updated_at)::text AS json
    FROM users u WHERE u.id = $1";

/// Mails that are not sent yet, or were given up: for a forgotten password it is known by the address alone whose they are.
const MAILS: &str = "
    SELECT json_build_object('uuid', m.id, 'kind', upper(m.kind), 'address', m.address, 'writtenAt', m.written_at,
        'attempts', m.attempts, 'unanswered', m.unanswered, 'dueAt', m.due_at, 'givenUpAt', m.dead_at)::text AS json
    FROM users u JOIN mails m ON m.user_id = u.id OR (m.user_id IS NULL AND m.address_canonical = u.email_canonical)
    WHERE u.id = $1 ORDER BY m.written_at, m.id";

/// What mails carried and can still be used, or counts although it is void, without what would let somebody use it.
const MAIL_TOKENS: &str = "
    SELECT json_build_object('purpose', upper(t.purpose), 'email', t.email_canonical, 'mailUuid', t.mail_id,
        'writtenAt', t.written_at, 'expiresAt', t.expires_at, 'voidedAt', t.voided_at)::text AS json
    FROM mail_tokens t WHERE t.user_id = $1 ORDER BY t.expires_at";

const SESSIONS: &str = "
    SELECT json_build_object('id', global_id('Session', s.id), 'createdAt', s.created_at, 'expiresAt', s.expires_at,
        'endedAt', s.ended_at)::text AS json
    FROM sessions s WHERE s.user_id = $1 ORDER BY s.created_at, s.id";

/// Accounts elsewhere by which the person signs in.
const IDENTITIES: &str = "
    SELECT json_build_object('issuer', i.issuer, 'subject', i.subject, 'linkedAt', i.linked_at,
        'sessionId', global_id('Session', i.session_id), 'voidUntil', i.void_until)::text AS json
    FROM identities i WHERE i.user_id = $1 ORDER BY i.linked_at, i.issuer";

/// Providers that the person has unlinked.
const UNLINKED_PROVIDERS: &str = "
    SELECT json_build_object('issuer', p.issuer, 'unlinkedAt', p.unlinked_at)::text AS json
    FROM unlinked_providers p WHERE p.user_id = $1 ORDER BY p.unlinked_at, p.issuer";

const POSTS: &str = "
    SELECT json_build_object(
        'id', global_id('Post', p.id), 'version', p.version, 'status', CASE WHEN p.published THEN 'PUBLISHED' ELSE 'DRAFT' END,
        'title', p.title, 'body', p.body,
        'tags', (SELECT coalesce(json_agg(t.tag ORDER BY t.place), '[]') FROM post_tags t WHERE t.post_id = p.id),
        'hiddenAt', p.hidden_at, 'createdAt', p.created_at, 'updatedAt', p.updated_at)::text AS json
    FROM posts p WHERE p.author_id = $1 ORDER BY p.created_at, p.id";

const COMMENTS: &str = "
    SELECT json_build_object('id', global_id('Comment', c.id), 'version', c.version, 'postId', global_id('Post', c.post_id),
        'text', c.text, 'hiddenAt', c.hidden_at, 'createdAt', c.created_at, 'updatedAt', c.updated_at)::text AS json
    FROM comments c WHERE c.author_id = $1 ORDER BY c.created_at, c.id";

/// Also those that were taken back, as the row is still there.
const LIKES: &str = "
    SELECT json_build_object('postId', global_id('Post', l.post_id), 'version', l.version, 'active', l.active,
        'changedAt', l.changed_at)::text AS json
    FROM likes l WHERE l.user_id = $1 ORDER BY l.changed_at, l.post_id";

/// Whom the person follows, or did. Who follows the person is those people's doing.
const FOLLOWS: &str = "
    SELECT json_build_object('userId', global_id('User', f.followed_id), 'version', f.version, 'active', f.active,
        'changedAt', f.changed_at)::text AS json
    FROM follows f WHERE f.follower_id = $1 ORDER BY f.changed_at, f.followed_id";

/// Names are those of the moment, which events alone hold. Of a reason to cancel only one's own words can be opened.
const ORDERS: &str = "
    SELECT json_build_object(
        'id', global_id('Order', o.id), 'version', o.version, 'status', upper(o.status),
        'customerName', sealed_words(placed.event_id, placed.payload, 'customerName'),
        'customerEmail', sealed_words(placed.event_id, placed.payload, 'customerEmail'),
        'deliveryAddress', o.delivery_address, 'totalPrice', money_json(o.total_minor, o.currency),
        'lines', (SELECT coalesce(json_agg(json_build_object(
                'productId', global_id('Product', l.product_id),
                'productName', placed.payload::json -> 'lines' -> l.place::integer -> 'productName',
                'quantity', l.quantity, 'price', money_json(l.price_minor, o.currency)) ORDER BY l.place), '[]')
            FROM order_lines l WHERE l.order_id = o.id),
        'payUntil', o.pay_until, 'createdAt', o.created_at, 'updatedAt', o.updated_at,
        'cancelReason', (SELECT sealed_words(e.event_id, e.payload, 'reason') FROM recorded_events e
            WHERE e.aggregate_kind = 'order' AND e.aggregate_id = o.id AND e.name = 'order.cancelled'))::text AS json
    FROM orders o LEFT JOIN LATERAL (SELECT e.event_id, e.payload FROM recorded_events e
        WHERE e.aggregate_kind = 'order' AND e.aggregate_id = o.id AND e.name = 'order.placed') placed ON true
    WHERE o.customer_id = $1 ORDER BY o.created_at, o.id";

/// What the person gave as a reason, to hide what others wrote, or to cancel an order, whoever's it was. Events alone hold it.
const REASONS: &str = "
    SELECT json_build_object('event', e.name, 'about', CASE e.aggregate_kind
            WHEN 'post' THEN global_id('Post', e.aggregate_id) WHEN 'comment' THEN global_id('Comment', e.aggregate_id)
            WHEN 'order' THEN global_id('Order', e.aggregate_id) END,
        'at', e.at, 'reason', sealed_words(e.event_id, e.payload, 'reason'))::text AS json
    FROM recorded_events e
    WHERE e.actor = $1 AND e.name IN ('post.hidden', 'comment.hidden', 'order.cancelled')
        AND e.payload::json ->> 'reason' IS NOT NULL
    ORDER BY e.at, e.event_id";

const WALLETS: &str = "
    SELECT json_build_object('id', global_id('Wallet', w.id), 'version', w.version,
        'balance', money_json(w.balance_minor, w.currency), 'createdAt', w.created_at, 'updatedAt', w.updated_at)::text AS json
    FROM wallets w WHERE w.user_id = $1 ORDER BY w.created_at, w.id";

const TOP_UPS: &str = "
    SELECT json_build_object('id', global_id('TopUp', t.id), 'walletId', global_id('Wallet', t.wallet_id),
        'amount', money_json(t.amount_minor, w.currency), 'state', upper(t.state), 'requestedAt', t.requested_at,
        'endedAt', t.ended_at, 'providerEventId', t.provider_event_id)::text AS json
    FROM wallets w JOIN top_ups t ON t.wallet_id = w.id WHERE w.user_id = $1 ORDER BY t.requested_at, t.id";

/// A list of its own beside the wallets: one wallet may have moved more often than memory holds. Of a transfer, events alone know whom
/// it was with, and its words.
const MOVEMENTS: &str = "
    SELECT json_build_object(
        'transactionId', global_id('Transaction', t.id), 'walletId', global_id('Wallet', w.id), 'at', t.at,
        'cause', upper(t.cause), 'amount', money_json(e.amount_minor, e.currency),
        'orderId', global_id('Order', t.order_id), 'topUpId', global_id('TopUp', t.top_up_id),
        'commandId', global_id('Command', t.command_id),
        'transfer', CASE t.cause WHEN 'transfer' THEN (
            SELECT json_build_object('otherUserId', global_id('User', (m.payload::json ->> 'otherUserId')::uuid),
                'note', sealed_words(m.event_id, m.payload, 'note'))
            FROM recorded_events m WHERE m.command_id = t.command_id AND m.aggregate_id = w.id AND m.name = 'wallet.moved'
        ) END)::text AS json
    FROM wallets w JOIN ledger_entries e ON e.account_id = w.id JOIN ledger_transactions t ON t.id = e.transaction_id
    WHERE w.user_id = $1 ORDER BY t.at, t.id";
