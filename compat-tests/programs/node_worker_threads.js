// Worker threads of Node: messages, shared memory with Atomics, transfer, termination, pools.
'use strict';

const {
  Worker, isMainThread, parentPort, workerData, MessageChannel,
} = require('node:worker_threads');
const {once} = require('node:events');
const crypto = require('node:crypto');
const zlib = require('node:zlib');
const {promisify} = require('node:util');

if (isMainThread) {
  main();
} else if (workerData.task === 'count') {
  const counter = new Int32Array(workerData.shared);
  for (let i = 0; i < 10000; i++) Atomics.add(counter, 0, 1);
} else if (workerData.task === 'sum') {
  let sum = 0;
  for (let i = workerData.from; i < workerData.to; i++) sum += i;
  parentPort.postMessage(sum);
} else if (workerData.task === 'wait') {
  const cell = new Int32Array(workerData.shared);
  parentPort.postMessage(Atomics.wait(cell, 1, 0));
} else if (workerData.task === 'echo') {
  parentPort.on('message', ({port, data}) => {
    port.postMessage(data.byteLength);
    port.close();
    parentPort.close();
  });
} else if (workerData.task === 'throw') {
  throw new Error('from a worker');
} else {
  for (;;);
}

function start(data) {
  return new Worker(__filename, {workerData: data});
}

async function main() {
  const shared = new SharedArrayBuffer(16);
  await Promise.all(Array.from({length: 4}, () => once(start({task: 'count', shared}), 'exit')));
  console.log('counted:', Atomics.load(new Int32Array(shared), 0));

  const parts = await Promise.all([0, 1, 2, 3].map(async (i) => {
    const worker = start({task: 'sum', from: i * 250000, to: (i + 1) * 250000});
    return (await once(worker, 'message'))[0];
  }));
  console.log('summed:', parts.reduce((a, b) => a + b));

  const waiter = start({task: 'wait', shared});
  const woken = once(waiter, 'message');
  await once(waiter, 'online');
  const cell = new Int32Array(shared);
  const notifier = setInterval(() => Atomics.notify(cell, 1), 20);
  console.log('Atomics.wait:', (await woken)[0]);
  clearInterval(notifier);

  const echo = start({task: 'echo'});
  // Asked for early: the worker may end before its answer has been looked at.
  const ended = once(echo, 'exit');
  const {port1, port2} = new MessageChannel();
  const data = new ArrayBuffer(1 << 20);
  echo.postMessage({port: port2, data}, [port2, data]);
  console.log('transferred:', (await once(port1, 'message'))[0], data.byteLength);
  await ended;

  console.log('error:', (await once(start({task: 'throw'}), 'error'))[0].message);

  const endless = start({task: 'forever'});
  await once(endless, 'online');
  console.log('terminated:', await endless.terminate());

  // These run in libuv's pool of threads.
  const keys = await Promise.all([1, 2, 3, 4, 5, 6].map((salt) =>
    promisify(crypto.pbkdf2)('password', String(salt), 2000, 8, 'sha256')));
  console.log('pool:', keys.map((key) => key.toString('hex').slice(0, 4)).join(' '));
  const packed = await promisify(zlib.gzip)(Buffer.alloc(1 << 20, 'abc'));
  console.log('gzip:', (await promisify(zlib.gunzip)(packed)).length);
}
