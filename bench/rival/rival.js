// rival: what a good shop engineer would write: a chat relay that stores every line, in Node with `ws` and `pg`.
//
//        PGHOST=... PGDATABASE=... PGUSER=... node rival.js --port N --mode plain|like
//
// The two connections of the path /pair/N are partners. All lines that wait while one insert commits go into the next one
// (unnest arrays, a prepared statement, one connection), so it batches by itself under load.
//
//   plain  a transcript table with a primary key; lines are relayed once they are stored, and nobody is told more. A
//          partner who has read a line may rely on it, an author never knows.
//   like   like for like with deskd: its transcript's columns, keys, index and partitions, ids that make a repeat
//          harmless, lines relayed at once, and a `stored` frame to the author when they have been committed.
import http from 'node:http';
import pg from 'pg';
import {WebSocketServer} from 'ws';

const options = Object.fromEntries(process.argv.slice(2).join(' ').split('--').filter(Boolean).map((s) => s.trim().split(' ')));
const like = options.mode === 'like';

const database = new pg.Client();
await database.connect();
await database.query('set synchronous_commit = on');
await database.query('drop table if exists message');
await database.query(like ? `
  create table message (
    desk int not null, seq int not null, chat bigint not null, position bigint not null, at_ms bigint not null,
    reply_to int not null, stream smallint not null, origin smallint not null, kind smallint not null,
    reason smallint not null, id uuid, person text not null, text text not null,
    primary key (desk, chat, stream, seq)
  ) partition by range (chat);
  create unique index message_id on message (desk, chat, person, id) where id is not null;
  create table message_default partition of message default;` : `
  create table message (
    chat bigint not null, seq int not null, at timestamptz not null, person text not null, text text not null,
    primary key (chat, seq)
  );`);

const insert = like ? {
  name: 'insert_like',
  text: `insert into message (desk, chat, stream, seq, position, at_ms, reply_to, origin, kind, reason, id, person, text)
         select 1, chat, 0, seq, position, at_ms, 0, origin, 0, 0, id, person, text
         from unnest($1::bigint[], $2::int[], $3::bigint[], $4::bigint[], $5::smallint[], $6::uuid[], $7::text[], $8::text[])
           as row (chat, seq, position, at_ms, origin, id, person, text)
         on conflict do nothing`,
  columns: [(r) => r.chat, (r) => r.seq, (r) => r.position, (r) => r.at, (r) => r.origin, (r) => r.id, (r) => r.person, (r) => r.text],
} : {
  name: 'insert_plain',
  text: `insert into message select * from unnest($1::bigint[], $2::int[], $3::timestamptz[], $4::text[], $5::text[])`,
  columns: [(r) => r.chat, (r) => r.seq, (r) => new Date(r.at).toISOString(), (r) => r.person, (r) => r.text],
};

// More rows in one insert cost no less each; fewer keep the wait for a commit short.
const batchMax = 1000;
// With more than this waiting nobody is read until half of it is stored: memory has a bound.
const waitingMax = 20_000;

let waiting = [];
let storing = false;
let paused = false;
let position = 0;
const everyone = new Set();

function pause(on) {
  paused = on;
  for (const socket of everyone) on ? socket.pause() : socket.resume();
}

async function store() {
  storing = true;
  while (waiting.length > 0) {
    const rows = waiting.length > batchMax ? waiting.splice(0, batchMax) : waiting;
    if (rows === waiting) waiting = [];
    if (paused && waiting.length < waitingMax / 2) pause(false);
    await database.query({name: insert.name, text: insert.text, values: insert.columns.map((column) => rows.map(column))});
    if (like) {
      acknowledge(rows);
    } else {
      for (const row of rows) relay(row);
    }
  }
  storing = false;
}

function relay(row) {
  if (row.to?.readyState === 1) {
    row.to.send(JSON.stringify({type: 'line', chat: row.chat, seq: row.seq, at: new Date(row.at).toISOString(), from: row.person,
                                id: row.id, text: row.text}));
  }
}

// One frame an author, however many of the lines are his.
function acknowledge(rows) {
  const frames = new Map();
  for (const row of rows) {
    let frame = frames.get(row.author);
    if (!frame) frames.set(row.author, frame = {type: 'stored', chat: row.chat, stored: 0, lines: []});
    frame.stored = row.seq;
    frame.lines.push({id: row.id, seq: row.seq, at: new Date(row.at).toISOString()});
  }
  for (const [author, frame] of frames) if (author.readyState === 1) author.send(JSON.stringify(frame));
}

const chats = new Map();

const server = http.createServer((request, response) => response.writeHead(404).end());
const sockets = new WebSocketServer({server, perMessageDeflate: false, clientTracking: false, maxPayload: 65536});
sockets.on('connection', (socket, request) => {
  let chat = chats.get(request.url);
  if (!chat) chats.set(request.url, chat = {seq: 0, people: []});
  const side = chat.people.push(socket) - 1;
  socket._socket.setNoDelay(true);
  socket.on('message', (bytes) => {
    const said = JSON.parse(bytes.toString());
    if (said.type !== 'say' || typeof said.text !== 'string' || said.text.length > 8192) return;
    const row = {chat: said.chat, seq: ++chat.seq, position: ++position, at: Date.now(), origin: side, id: said.id,
                 person: side ? 'buyer' : 'agent', text: said.text, author: socket, to: chat.people[1 - side]};
    if (like) relay(row);
    waiting.push(row);
    if (!storing) store();
    if (!paused && waiting.length > waitingMax) pause(true);
  });
  everyone.add(socket);
  socket.on('close', () => {
    everyone.delete(socket);
    chats.delete(request.url);
  });
  socket.on('error', () => {});
});
server.listen({host: '127.0.0.1', port: Number(options.port), backlog: 4096}, () => console.log('listening'));
