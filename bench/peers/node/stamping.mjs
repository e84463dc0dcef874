// How a job tells over Redis when it began, and how long jobs that are asked for one by one take to begin. Between two
// there is a pause; of a queue that looks for work now and then it has to be of any length up to that time, or each would
// be asked for at the same point of its rhythm.
import IORedis from 'ioredis';

const PAUSE_MS = 30;
const PATIENCE_SECONDS = 30;
const now = () => (performance.timeOrigin + performance.now()) / 1000;
export const connect = () => new IORedis(process.env.BENCH_PEER_REDIS_URL, { maxRetriesPerRequest: null });

export const tellStart = (client, key) => client.rpush(key, now());

export async function printWaits(submit, samples, furtherPauseMs = 0) {
  const client = connect();
  const waits = [];
  for (let number = 0; number < samples; number += 1) {
    const asked = now();
    await submit(`stamp-${number}`);
    const [, began] = await client.blpop(`stamp-${number}`, PATIENCE_SECONDS);
    waits.push(Number(began) - asked);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS + Math.random() * furtherPauseMs));
  }
  client.disconnect();
  console.log(JSON.stringify(waits));
}
