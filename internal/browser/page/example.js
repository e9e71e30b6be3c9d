// Runs a usage example of eyeson's documentation as if a reader had typed it in. The example stands as it is; what any
// reader must do to it is done by `typed`.

/**
 * A module of the example: the package's name is ours; `const clientId; // …` gets its value, which JavaScript demands,
 * from the page; and so that `async function() {…}()` is an expression, as JavaScript demands too, it is in parentheses.
 */
function typed(example) {
  return example
    .replace("'eyeson-streamrec'", "'@roomreel/sdk'")
    .replace(/^const (\w+);/gm, 'const $1 = window.$1;')
    .replace(/^async function\(\) \{$/m, '(async function() {')
    .replace(/^\}\(\)$/m, '})()');
}

/**
 * Runs the example with values for the names that it uses without saying where they are from. Returns what it prints,
 * a list that grows.
 */
export async function run(code, values) {
  const printed = [];
  for (const level of ['info', 'error']) {
    const say = console[level].bind(console);
    console[level] = (...said) => {
      const ofLiveKit = said.some((one) => one?.constructor === Object); // its client logs with a context
      if (!ofLiveKit) printed.push(said.map(String).join(' '));
      say(...said);
    };
  }
  Object.assign(window, values);
  await import(URL.createObjectURL(new Blob([typed(code)], { type: 'text/javascript' })));
  return printed;
}

/** Has things happen before calls of the SDK that the example makes one right after the other. */
export function before(sdk, meanwhile) {
  for (const [name, happens] of Object.entries(meanwhile)) {
    const call = sdk[name];
    sdk[name] = async (...given) => {
      await happens();
      return call(...given);
    };
  }
}

/** A picture that ends by itself, as a shared screen does: returns its track, and what ends it. */
export function ending(track) {
  const generator = new MediaStreamTrackGenerator({ kind: 'video' });
  const frames = new MediaStreamTrackProcessor({ track });
  void frames.readable.pipeTo(generator.writable);
  return [generator, () => track.stop()];
}
