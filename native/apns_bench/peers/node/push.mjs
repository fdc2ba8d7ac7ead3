// The package @parse/node-apn as a client to be measured. How such a program is called is told in the crate `peer`.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import apn from '@parse/node-apn';

const [port, folder, streams, warmUp, pushes] = process.argv.slice(2);
const tokens = readFileSync(`${folder}/tokens`, 'utf8').trim().split('\n');
const payload = JSON.parse(readFileSync(`${folder}/payload.json`, 'utf8'));

const provider = new apn.Provider({
  token: { key: `${folder}/key.p8`, keyId: 'BENCHKEY01', teamId: 'BENCHTEAM1' },
  address: '127.0.0.1',
  port: Number(port),
  ca: `${folder}/ca.pem`,
});

// A notification for each device, of which the package makes JSON, as in life.
async function push(token) {
  const notification = new apn.Notification();
  notification.rawPayload = payload;
  notification.topic = 'im.example.chat';
  notification.pushType = 'alert';
  notification.priority = 10;
  notification.expiry = 4000000000;
  const { failed } = await provider.send(notification, token);
  if (failed.length > 0) {
    throw new Error(`not 200: ${failed[0].status ?? ''} ${failed[0].error?.message ?? ''}`);
  }
}

async function flood(count, inFlight) {
  let next = 0;
  let ok = 0;
  async function work() {
    while (next < count) {
      const token = tokens[next % tokens.length];
      next += 1;
      await push(token);
      ok += 1;
    }
  }
  await Promise.all(Array.from({ length: Number(inFlight) }, work));
  return ok;
}

async function main() {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  // Alone, so that there is one connection for those that follow.
  await flood(1, 1);
  await flood(warmUp - 1, streams);
  console.log('ready');
  await lines.next();
  console.log(`ok=${await flood(pushes, streams)}`);
  // Whoever started this looks at the process until then.
  await lines.next();
}

try {
  await main();
  process.exit(0);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
