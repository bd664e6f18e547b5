// fs.watch (inotify) and fs.watchFile (polling) of Node see changes that the sandbox itself makes.
'use strict';

const fs = require('node:fs');

// Waits until the watcher has reported each of the wanted names with each event.
function watched(directory, wanted) {
  const missing = new Set(wanted);
  return new Promise((resolve) => {
    const watcher = fs.watch(directory, (event, name) => {
      missing.delete(`${event} ${name}`);
      if (missing.size === 0) {
        watcher.close();
        resolve();
      }
    });
  });
}

async function main() {
  fs.mkdirSync('watched');
  const seen = watched('watched', ['rename new', 'change new', 'rename moved', 'rename old']);
  fs.writeFileSync('watched/new', 'x');
  fs.writeFileSync('watched/old', 'x');
  fs.renameSync('watched/old', 'watched/moved');
  fs.unlinkSync('watched/new');
  await seen;
  console.log('fs.watch: a directory');
  fs.writeFileSync('a.txt', 'x');
  const changed = watched('a.txt', ['change a.txt']);
  fs.appendFileSync('a.txt', 'more');
  await changed;
  console.log('fs.watch: a file');
  const polled = new Promise((resolve) => {
    fs.watchFile('a.txt', {interval: 50}, (now, before) => resolve(now.size > before.size));
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  fs.appendFileSync('a.txt', 'and more');
  console.log('fs.watchFile:', await polled);
  fs.unwatchFile('a.txt');
}

main();
