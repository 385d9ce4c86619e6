const WAIT_FIRST_MS = 250;
const WAIT_MAX_MS = 10_000;
/** How long to wait before another attempt, after so many that failed. */
export function backoffMs(failures) {
    const longestMs = Math.min(WAIT_FIRST_MS * 2 ** failures, WAIT_MAX_MS);
    // Half of the wait is random, so that many clients of one restarted server don't come back at the same moment.
    return longestMs * (0.5 + Math.random() / 2);
}
