// Files from Node: promises, streams, directories, links, Unix sockets.
'use strict';

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const {once} = require('node:events');
const {pipeline} = require('node:stream/promises');
const {createGzip, createGunzip} = require('node:zlib');
const readline = require('node:readline');

async function basics() {
  await fs.promises.writeFile('a.txt', 'one\ntwo\nthree\n');
  await fs.promises.appendFile('a.txt', 'four\n');
  console.log('read:', (await fs.promises.readFile('a.txt', 'utf8')).split('\n').length);
  await fs.promises.mkdir('deep/er/still', {recursive: true});
  await Promise.all(
    Array.from({length: 200}, (_, i) => fs.promises.writeFile(`deep/f${i}`, `${i}`)));
  const entries = await fs.promises.readdir('deep', {withFileTypes: true});
  const directories = entries.filter((entry) => entry.isDirectory());
  console.log('entries:', entries.length, directories.map((entry) => entry.name));
  await fs.promises.symlink('a.txt', 'link');
  const status = await fs.promises.lstat('link');
  console.log('link:', await fs.promises.readlink('link'), status.isSymbolicLink());
  console.log('real:', path.basename(await fs.promises.realpath('link')));
  await fs.promises.copyFile('a.txt', 'b.txt');
  await fs.promises.rename('b.txt', 'deep/b.txt');
  await fs.promises.chmod('deep/b.txt', 0o600);
  console.log('mode:', ((await fs.promises.stat('deep/b.txt')).mode & 0o777).toString(8));
  await fs.promises.rm('deep', {recursive: true});
  await fs.promises.stat('deep').catch((error) => console.log('gone:', error.code));
  await fs.promises.rmdir('/nonexistent').catch((error) => console.log('missing:', error.code));
  const handle = await fs.promises.open('a.txt', 'r+');
  await handle.write('ONE', 0);
  await handle.truncate(7);
  await handle.datasync();
  await handle.close();
  console.log('handle:', JSON.stringify(fs.readFileSync('a.txt', 'utf8')));
  console.log('exclusive:', (() => {
    try {
      return fs.openSync('a.txt', 'wx');
    } catch (error) {
      return error.code;
    }
  })());
}

async function streams() {
  fs.writeFileSync('big', Buffer.alloc(3 << 20, 'some text to compress '));
  await pipeline(fs.createReadStream('big'), createGzip(), fs.createWriteStream('big.gz'));
  await pipeline(fs.createReadStream('big.gz'), createGunzip(), fs.createWriteStream('again'));
  console.log('streams:', fs.readFileSync('big').equals(fs.readFileSync('again')));
  fs.writeFileSync('lines', Array.from({length: 20000}, (_, i) => `line ${i}`).join('\n'));
  let count = 0;
  for await (const line of readline.createInterface({input: fs.createReadStream('lines')})) {
    count += line.length;
  }
  console.log('lines:', count);
}

async function sockets() {
  const server = net.createServer((socket) => socket.pipe(socket)).listen('echo.sock');
  await once(server, 'listening');
  const answers = await Promise.all(Array.from({length: 10}, async (_, i) => {
    const client = net.connect('echo.sock');
    client.end(`client ${i}`);
    let data = '';
    for await (const chunk of client) data += chunk;
    return data;
  }));
  console.log('sockets:', answers[0], answers[9]);
  server.close();
  await once(server, 'close');
}

(async () => {
  await basics();
  await streams();
  await sockets();
})();
