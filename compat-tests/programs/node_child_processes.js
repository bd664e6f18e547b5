// Child processes of Node: spawn, exec, fork with messages, signals, pipes, detached.
'use strict';

const {spawn, exec, execFile, fork, spawnSync} = require('node:child_process');
const {once} = require('node:events');
const {promisify} = require('node:util');

if (process.argv[2] === 'child') {
  process.on('message', (message) => {
    if (message === 'stop') {
      process.disconnect();
    } else {
      process.send({doubled: message.number * 2});
    }
  });
} else {
  main();
}

async function collect(stream) {
  let data = '';
  for await (const chunk of stream) data += chunk;
  return data;
}

async function main() {
  const {stdout} = await promisify(execFile)('echo', ['hello']);
  console.log('execFile:', stdout.trim());
  await promisify(exec)('echo out; echo err >&2; exit 3').catch((error) =>
    console.log('exec:', error.code, error.stdout.trim(), error.stderr.trim()));
  const sync = spawnSync('cat', {input: 'x'.repeat(500000)});
  console.log('spawnSync:', sync.stdout.length, sync.status);
  console.log('timeout:', spawnSync('sleep', ['60'], {timeout: 200}).signal);

  const cat = spawn('cat');
  cat.stdin.write('streamed ');
  cat.stdin.end('text');
  console.log('spawn:', await collect(cat.stdout), (await once(cat, 'close'))[0]);

  const missing = spawn('/nonexistent');
  console.log('missing:', (await once(missing, 'error'))[0].code);

  const sleeper = spawn('sleep', ['60']);
  sleeper.kill('SIGTERM');
  console.log('killed:', (await once(sleeper, 'exit')).join(' '));

  const seq = spawn('seq', ['100000']);
  const tail = spawn('tail', ['-n', '1']);
  seq.stdout.pipe(tail.stdin);
  console.log('piped:', (await collect(tail.stdout)).trim());

  const statuses = await Promise.all(
    Array.from({length: 20}, (_, i) => once(spawn('sh', ['-c', `exit ${i}`]), 'exit')));
  console.log('twenty:', statuses.map(([code]) => code).join(' '));

  const child = fork(__filename, ['child']);
  for (let number = 1; number <= 3; number++) {
    child.send({number});
    const [answer] = await once(child, 'message');
    console.log('message:', answer.doubled);
  }
  child.send('stop');
  console.log('disconnected:', (await once(child, 'exit'))[0]);

  const script = 'test "$(ps -o sid= -p $$ | tr -d " ")" = $$';
  const detached = spawn('sh', ['-c', script], {detached: true});
  console.log('session leader:', (await once(detached, 'exit'))[0]);

  const shell = spawn('sh', ['-c', 'echo $GREETING; pwd; cat <&3'], {
    env: {GREETING: 'hi', PATH: process.env.PATH},
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  shell.stdio[3].end('descriptor 3');
  console.log('shaped:', (await collect(shell.stdout)).split('\n').join(' '));

  process.on('SIGUSR2', () => console.log('signal: SIGUSR2'));
  process.kill(process.pid, 'SIGUSR2');
  await new Promise((resolve) => setTimeout(resolve, 100));
  process.exit(0);
}
