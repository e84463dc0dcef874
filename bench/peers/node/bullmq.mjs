// BullMQ as its documentation shows it. `node bullmq.mjs work` is a worker; `node bullmq.mjs fill N` asks for N jobs.
import { Queue, Worker } from 'bullmq';
import IORedis from 'ioredis';

const CHUNK = 1000;
const connection = new IORedis(process.env.BENCH_PEER_REDIS_URL, { maxRetriesPerRequest: null });
const [verb, jobs] = process.argv.slice(2);

if (verb === 'work') {
  new Worker('noop', async () => {}, { connection, concurrency: 100, removeOnComplete: { count: 0 } });
} else {
  const queue = new Queue('noop', { connection });
  for (let left = Number(jobs); left > 0; left -= CHUNK) {
    await queue.addBulk(Array.from({ length: Math.min(CHUNK, left) }, () => ({ name: 'noop', data: {} })));
  }
  await queue.close();
  connection.disconnect();
}
