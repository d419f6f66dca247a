// Preloaded (--import) into a process: what it sends is treated as a bad path would, the same for the same seed. TEST_LOSS: share of
// datagrams lost; TEST_DUPLICATES: share sent twice; TEST_REORDERING: share that waits for the next few, or 20 ms, to pass.
import { Socket } from 'node:dgram';

const share = (name) => Number(process.env[name] ?? '0');
const [loss, duplicates, reordering] = ['TEST_LOSS', 'TEST_DUPLICATES', 'TEST_REORDERING'].map(share);
const heldAtMost = 3;
const heldMs = 20;
let state = Number(process.env.TEST_SEED ?? '1') >>> 0;

/** mulberry32 */
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

const { send } = Socket.prototype;
const held = [];

function release() {
  for (const [socket, args] of held.splice(0)) {
    try {
      send.apply(socket, args);
    } catch {
      // It was closed meanwhile, and the datagram is lost.
    }
  }
}

/** The arguments with a copy of the bytes: senders use their buffer again. `send(buffer, offset, length, port, host, …)`. */
function copied([bytes, offset, length, ...rest]) {
  return [Buffer.from(bytes.subarray(offset, offset + length)), 0, length, ...rest.filter((one) => typeof one !== 'function')];
}

Socket.prototype.send = function (...args) {
  const done = args.at(-1);
  const settle = () => typeof done === 'function' && setImmediate(done, null, 0);
  if (random() < loss) return settle();
  const isWhole = typeof args[1] === 'number' && typeof args[2] === 'number';
  if (isWhole && random() < reordering) {
    if (held.length === 0) setTimeout(release, heldMs);
    held.push([this, copied(args)]);
    return settle();
  }
  if (isWhole && random() < duplicates) send.apply(this, copied(args));
  send.apply(this, args);
  if (held.length >= heldAtMost) release();
};
