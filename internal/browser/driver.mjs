// Runs Chromium for Go tests. Each line on standard input is a command, each line on standard output
// its answer or a page's report; when standard input ends, Chromium does too.
//
//   {"id":1,"page":"anna","open":"http://…"}         a page in a profile of its own
//   {"id":2,"page":"anna","call":"mute","with":[…]}  a method of the page's `participant`
//   {"id":3,"page":"anna","reload":true}             loads the page again, in the same tab
//   {"id":3,"page":"anna"}                           closes the page
//   {"id":1,"value":…} or {"id":1,"error":"…"}       the answer
//   {"page":"anna","report":…}                       what the page passed to its `report`
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const [executablePath, ...args] = process.argv.slice(2);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

// Playwright's own headless mode mutes and hides more than a person's browser does.
const browser = await chromium.launch({ executablePath, args, headless: false });
const pages = new Map();

async function open(name, url) {
  const context = await browser.newContext({ permissions: ['camera', 'microphone'] });
  const page = await context.newPage();
  pages.set(name, page);
  page.on('pageerror', (error) => console.error(`${name}: ${error.stack}`));
  page.on('console', (message) => message.type() === 'error' && console.error(`${name}: ${message.text()}`));
  page.on('crash', () => console.error(`${name}: the page crashed`));
  await page.exposeFunction('report', (report) => say({ page: name, report }));
  await page.goto(url);
  await page.waitForFunction('window.participant');
}

async function obey({ page: name, open: url, call, with: parameters, reload }) {
  if (url) return open(name, url);
  const page = pages.get(name);
  if (!page) throw new Error(`there is no page ${name}`);
  if (reload) {
    await page.reload();
    return page.waitForFunction('window.participant').then(() => null);
  }
  // Evaluating counts as a click of the user, without which the screen cannot be shared.
  if (call) return page.evaluate(([method, list]) => window.participant[method](...list), [call, parameters ?? []]);
  pages.delete(name);
  return page.context().close();
}

say({ version: browser.version() });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  obey(command).then(
    (value) => say({ id: command.id, value: value ?? null }),
    (error) => say({ id: command.id, error: error.message }),
  );
}
await browser.close();
