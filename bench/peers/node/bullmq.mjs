// BullMQ as its documentation shows it. `node bullmq.mjs work` is a worker; `fill N` asks for N jobs; `stamp N` for as
// many one by one, and prints how long each took to begin.
import { Queue, Worker } from 'bullmq';
import { connect, printWaits, tellStart } from './stamping.mjs';

const CHUNK = 1000;
const connection = connect();
const [verb, jobs] = process.argv.slice(2);

if (verb === 'work') {
  const settings = { connection, concurrency: 100, removeOnComplete: { count: 0 } };
  const teller = connect();
  new Worker('noop', async () => {}, settings);
  new Worker('stamp', async (job) => { await tellStart(teller, job.data.key); }, settings);
} else {
  const queue = new Queue(verb === 'fill' ? 'noop' : 'stamp', { connection });
  if (verb === 'stamp') {
    await printWaits((key) => queue.add('stamp', { key }), Number(jobs));
  } else {
    for (let left = Number(jobs); left > 0; left -= CHUNK) {
      await queue.addBulk(Array.from({ length: Math.min(CHUNK, left) }, () => ({ name: 'noop', data: {} })));
    }
  }
  await queue.close();
  connection.disconnect();
}
