export { consistencyExchange } from './consistency-exchange.ts';
export { forwardWithResume } from './forward-with-resume.ts';
