// pg-boss as its documentation shows it. `node pgboss.mjs work` is a worker, `create` makes its tables, `fill N` asks for
// N jobs. It looks for jobs each half second, which is the least it allows, so what it takes at once decides its speed.
import PgBoss from 'pg-boss';

const AT_ONCE = 1000;
const boss = new PgBoss(process.env.BENCH_PEER_DATABASE_URL);
boss.on('error', console.error);
const [verb, jobs] = process.argv.slice(2);

await boss.start();
if (verb === 'work') {
  await boss.work('noop', { batchSize: AT_ONCE, pollingIntervalSeconds: 0.5 }, async () => {});
} else {
  await boss.createQueue('noop');
  for (let left = Number(jobs ?? 0); left > 0; left -= AT_ONCE) {
    await boss.insert(Array.from({ length: Math.min(AT_ONCE, left) }, () => ({ name: 'noop', data: {} })));
  }
  await boss.stop({ graceful: false });
}
