import { backoffMs } from './backoff.js';
/** The variable that a subscription must declare to be resumable: `subscription ($after: String) { field(after: $after) { … } }`. */
const CURSOR_VARIABLE = 'after';
const HISTORY_GONE = 'HISTORY_GONE';
/**
 * Subscribes like `client.subscribe`, and resumes behind the last event's `cursor` when the client reconnects.
 *
 * graphql-ws sends the first variables again after it has reconnected, which would repeat events or, without a snapshot, lose
 * some. It writes the payload out anew for each connection, so a payload whose variables are read at that moment carries the
 * newest cursor. The operation must select `cursor` under its own name and declare `$after`; else each reconnection starts
 * with a fresh snapshot, as the first connection did.
 *
 * Returns the function that ends the subscription. After it the sink hears nothing more, not even the end: a client that is
 * about to reconnect would tell that late, when another subscription may run already.
 */
export function subscribeWithResume(client, payload, sink, options = {}) {
    const subscription = new ResumedSubscription(client, payload, sink, options.restarts ?? true);
    subscription.begin();
    return () => subscription.end();
}
class ResumedSubscription {
    /** What a begun subscription is sent, however often the client connects. */
    #payload;
    #cursor;
    #hasNoHistory = false;
    #failures = 0;
    /** Of several that were begun, one after the other, only the last one is listened to. */
    #turn = 0;
    #endTurn = () => { };
    #client;
    #sink;
    #restarts;
    constructor(client, payload, sink, restarts) {
        this.#client = client;
        this.#sink = sink;
        this.#restarts = restarts;
        const { [CURSOR_VARIABLE]: after, ...others } = payload.variables ?? {};
        this.#cursor = typeof after === 'string' ? after : null;
        const variables = () => (this.#cursor === null ? others : { ...others, [CURSOR_VARIABLE]: this.#cursor });
        this.#payload = { ...payload, get variables() { return variables(); } };
    }
    begin() {
        const turn = ++this.#turn;
        const ifCurrent = (act) => turn === this.#turn && act();
        const end = this.#client.subscribe(this.#payload, {
            next: (result) => ifCurrent(() => this.#take(result)),
            error: (problem) => ifCurrent(() => this.#fail(problem)),
            complete: () => ifCurrent(() => this.#finish()),
        });
        // A client that fails at once has begun the wait for the next turn already.
        ifCurrent(() => (this.#endTurn = end));
    }
    end() {
        this.#turn++;
        this.#endTurn();
    }
    #take(result) {
        const event = eventIn(result);
        if (event === null && this.#mayPass(result.errors))
            return this.#tryAgain();
        if (isHistoryGone(event))
            this.#loseCursor();
        if (typeof event?.cursor === 'string')
            this.#reach(event.cursor);
        this.#sink.next(result);
    }
    #reach(cursor) {
        this.#cursor = cursor;
        this.#failures = 0;
    }
    /** What never had a cursor has nothing else to try, so it is not begun anew for ever. */
    #loseCursor() {
        this.#hasNoHistory = this.#cursor !== null;
        this.#cursor = null;
    }
    #finish() {
        if (!this.#hasNoHistory || !this.#restarts)
            return this.#sink.complete();
        this.#hasNoHistory = false;
        this.begin();
    }
    #fail(problem) {
        if (this.#mayPass(problem))
            return this.#tryAgain();
        this.#sink.error(problem);
    }
    /** True for errors of an operation of which the server says that it may go well another time. */
    #mayPass(errors) {
        if (!this.#restarts || !Array.isArray(errors) || errors.length === 0)
            return false;
        return errors.every((error) => error.extensions?.retryable === true);
    }
    #tryAgain() {
        this.end();
        const timer = setTimeout(() => this.begin(), backoffMs(this.#failures++));
        this.#endTurn = () => clearTimeout(timer);
    }
}
/** The event in a result: a subscription has exactly one root field. */
function eventIn(result) {
    return Object.values(result.data ?? {})[0] ?? null;
}
function isHistoryGone(event) {
    return event?.__typename === 'HistoryGone' || event?.code === HISTORY_GONE;
}
