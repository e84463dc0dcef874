// pg-boss as its documentation shows it. `node pgboss.mjs work` is a worker, `create 0` makes its tables, `fill N` asks
// for N jobs, `stamp N` for as many one by one, and prints how long each took to begin. It looks for jobs each half
// second, which is the least it allows, so what it takes at once decides its speed.
import PgBoss from 'pg-boss';
import { connect, printWaits, tellStart } from './stamping.mjs';

const AT_ONCE = 1000;
const boss = new PgBoss(process.env.BENCH_PEER_DATABASE_URL);
boss.on('error', console.error);
const [verb, jobs] = process.argv.slice(2);

await boss.start();
if (verb === 'work') {
  const settings = { batchSize: AT_ONCE, pollingIntervalSeconds: 0.5 };
  const teller = connect();
  await boss.work('noop', settings, async () => {});
  await boss.work('stamp', settings, async ([job]) => { await tellStart(teller, job.data.key); });
} else if (verb === 'stamp') {
  await printWaits((key) => boss.send('stamp', { key }), Number(jobs), 500);
  await boss.stop({ graceful: false });
} else {
  await boss.createQueue('noop');
  await boss.createQueue('stamp');
  for (let left = Number(jobs); left > 0; left -= AT_ONCE) {
    await boss.insert(Array.from({ length: Math.min(AT_ONCE, left) }, () => ({ name: 'noop', data: {} })));
  }
  await boss.stop({ graceful: false });
}
