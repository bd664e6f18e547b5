// Timers and the event loop of Node: order, intervals, promises, abort signals, clocks.
'use strict';

const {setTimeout: sleep, setInterval: every} = require('node:timers/promises');
const {performance} = require('node:perf_hooks');

async function order() {
  const seen = [];
  await new Promise((resolve) => {
    setTimeout(() => seen.push('20 ms'), 20);
    setTimeout(() => seen.push('60 ms'), 60);
    setTimeout(() => seen.push('40 ms'), 40);
    setTimeout(resolve, 120);
    setImmediate(() => seen.push('immediate'));
    process.nextTick(() => seen.push('tick'));
    Promise.resolve().then(() => seen.push('promise'));
    seen.push('now');
  });
  console.log(seen.join(', '));
}

async function intervals() {
  let count = 0;
  for await (const value of every(10, 'beat')) {
    if (++count === 5) {
      console.log('interval:', count, value);
      break;
    }
  }
  const cancelled = setTimeout(() => console.log('never'), 10);
  clearTimeout(cancelled);
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 20);
  await sleep(60000, null, {signal: abort.signal}).catch((error) => console.log(error.name));
}

async function many() {
  const started = performance.now();
  await Promise.all(Array.from({length: 5000}, (_, i) => sleep(i % 50)));
  const took = performance.now() - started;
  console.log('5,000 timers:', took >= 48 && took < 20000);
  const before = process.hrtime.bigint();
  await sleep(30);
  console.log('clock:', process.hrtime.bigint() - before >= 29000000n);
}

async function main() {
  await order();
  await intervals();
  await many();
  setTimeout(() => console.log('an unreferenced timer keeps nobody alive'), 60000).unref();
  process.on('exit', (code) => console.log('exit', code));
  process.exitCode = 0;
}

main();
