// A page with the SDK: `run` runs what a test writes, with these names in reach. `events` has what the SDK's
// agent and supervisor have told so far.
import agent, { createAgent, createSupervisor, Supervisor } from '@roomreel/sdk';
import * as example from './example.js';
import { picture, sound } from './signal.js';

const events = [];
const plain = ({ stream, statistics, ...event }) => ({ ...event, ...(stream && { tracks: stream.getTracks().length }) });
agent.addEventListener((event) => events.push(plain(event)));
Supervisor.addEventListener((event) => events.push(plain(event)));

/** A stream whose truth is known; see signal.js. */
function media({ hue = 0, width = 640, height = 360, fps = 30, tone } = {}) {
  return new MediaStream([picture({ hue, width, height, fps }), ...(tone ? [sound({ tone })] : [])]);
}

/** Waits until look is truthy, and returns that. */
async function until(look, ms = 40_000) {
  for (const end = performance.now() + ms; ; ) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() > end) throw new Error(`in vain: ${look}; events ${JSON.stringify(events)}`);
    await sleep(50);
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const AsyncFunction = (async () => {}).constructor;
const scope = { agent, createAgent, createSupervisor, Supervisor, events, example, media, until, sleep };

window.participant = {
  run: (code, given) => new AsyncFunction(...Object.keys(scope), 'given', code)(...Object.values(scope), given ?? []),
};
