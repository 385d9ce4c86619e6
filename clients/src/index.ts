export { errorsOf, PERSISTENT } from './persistent.ts';
export { subscribeWithResume } from './resume.ts';
export type { LiveClient, LivePayload, LiveResult, LiveSink, ResumeOptions } from './resume.ts';
export { isOlder, newest } from './revision.ts';
export type { Revised } from './revision.ts';
export { CONSISTENCY_HEADER, ConsistencyTokens } from './tokens.ts';
export type { Answer } from './tokens.ts';
